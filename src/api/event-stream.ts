// Server-sent events to one reader, bounded: who leaves more unread than the limit is cut off, so that a slow reader
// costs memory up to it and no more. Knows nothing of what the events say.

import type { ServerResponse } from 'node:http';

/** Bytes that a reader may leave unread beyond what the kernel holds: roughly a thousand tokens. */
export const unreadBytesMax = 256 * 1024;
/** A stream without events says so this often, that nothing between takes it for dead. */
export const pingMs = 15_000;

const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // A proxy that collects a stream would make one late answer of it.
  'x-accel-buffering': 'no',
} as const;

/** A reader that does not take the end of its answer is cut off after this long. */
const lingerMs = 30_000;

/** Ends a response; whoever does not read it keeps its socket and its bytes for a while only. */
export function endSoon(response: ServerResponse, last: string): void {
  if (response.writableEnded || response.destroyed) return;
  const timer = setTimeout(() => response.destroy(), lingerMs).unref();
  response.once('close', () => clearTimeout(timer));
  response.end(last);
}

export class EventStream {
  readonly #response: ServerResponse;
  readonly #onSlow: () => void;
  readonly #pinging: NodeJS.Timeout;
  #wroteSincePing = true;

  /** Sends the head. @param onSlow called once, when the reader is cut off. */
  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    onSlow: () => void,
  ) {
    this.#response = response;
    this.#onSlow = onSlow;
    response.writeHead(200, { ...headers, ...eventStreamHeaders });
    this.#pinging = setInterval(() => this.#ping(), pingMs).unref();
    response.once('close', () => clearInterval(this.#pinging));
  }

  /** @param events whole, each with its empty line. */
  write(events: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    this.#wroteSincePing = true;
    this.#response.write(events);
    if (this.#response.writableLength <= unreadBytesMax) return;
    this.#response.destroy();
    this.#onSlow();
  }

  #ping(): void {
    if (!this.#wroteSincePing) this.write(': ping\n\n');
    this.#wroteSincePing = false;
  }

  /** @param events the last ones. */
  end(events: string): void {
    clearInterval(this.#pinging);
    endSoon(this.#response, events);
  }
}
