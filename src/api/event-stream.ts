// Server-sent events to one reader, bounded: who leaves more unread than the limit is cut off, so that a slow reader
// costs memory up to it and no more. Knows nothing of what the events say.

import type { ServerResponse } from 'node:http';
import { paddedEvents, type StreamShaping } from './stream-shaping.js';

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
  readonly #shaping: StreamShaping;
  readonly #pinging: NodeJS.Timeout;
  /** Null: events go at once. */
  readonly #flushing: NodeJS.Timeout | null;
  #waiting = '';
  #isEnding = false;
  #wroteSincePing = true;

  /** Sends the head. @param onSlow called once, when the reader is cut off. */
  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    onSlow: () => void,
    shaping: StreamShaping,
  ) {
    this.#shaping = shaping;
    this.#response = response;
    this.#onSlow = onSlow;
    response.writeHead(200, { ...headers, ...eventStreamHeaders });
    this.#pinging = setInterval(() => this.#ping(), pingMs).unref();
    this.#flushing =
      shaping.aggregateMs === 0 ? null : setInterval(() => this.#flush(), shaping.aggregateMs);
    response.once('close', () => this.#stop());
  }

  #stop(): void {
    clearInterval(this.#pinging);
    if (this.#flushing !== null) clearInterval(this.#flushing);
  }

  /** @param events whole, each with its empty line. */
  write(events: string): void {
    if (this.#flushing === null) this.#send(events);
    else this.#waiting += events;
  }

  /**
   * What was written since the last period, or a filler. The latter goes only to a reader
   * that has taken what went before, or it would be cut off for text that there never was.
   */
  #flush(): void {
    const events = this.#waiting;
    if (events === '' && !this.#isEnding && this.#response.writableNeedDrain) return;
    this.#waiting = '';
    if (this.#isEnding) this.#finish(events);
    else this.#send(events);
  }

  #send(events: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    this.#wroteSincePing = true;
    this.#response.write(paddedEvents(events, this.#shaping.padBytes));
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
    if (this.#flushing === null) {
      this.#finish(events);
      return;
    }
    this.#waiting += events;
    this.#isEnding = true;
  }

  #finish(events: string): void {
    this.#stop();
    endSoon(this.#response, paddedEvents(events, this.#shaping.padBytes));
  }
}
