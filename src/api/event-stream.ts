// Writes server-sent events to one reader. Cuts off a reader that leaves more unread than the
// limit, so a slow reader costs bounded memory. Does not look at the events.

import type { ServerResponse } from 'node:http';
import { paddedEvents, type StreamShaping } from './stream-shaping.js';

/** Bytes that a reader may leave unread beyond the kernel's buffers: roughly a thousand tokens. */
export const unreadBytesMax = 256 * 1024;
/** A stream without events sends a comment this often, so that proxies do not close it as idle. */
export const pingMs = 15_000;

const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // Stops proxies from buffering the stream into one late answer.
  'x-accel-buffering': 'no',
} as const;

/** A reader that does not take the end of its answer is cut off after this long. */
const lingerMs = 30_000;

/** Ends a response. A reader that does not read it is cut off after `lingerMs`. */
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
  /** Null: events are sent at once. */
  readonly #flushing: NodeJS.Timeout | null;
  #waiting = '';
  #isEnding = false;
  #wroteSincePing = true;

  /** Sends the response head. @param onSlow called once, when the reader is cut off. */
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
   * Sends what was written since the last flush, or an empty comment. The comment is left out while
   * the reader has not taken earlier events, so that fillers alone never cut it off.
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
