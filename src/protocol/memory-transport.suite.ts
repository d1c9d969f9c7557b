// Connects two ends inside one process, and can cut the connection. Deterministic: the caller
// schedules every arrival. For tests.

import { cutText } from '../base/utf8.js';
import {
  closeLost,
  closeReasonBytesMax,
  type Transport,
  type TransportEnd,
  type TransportListener,
} from './transport.js';

/** Runs tasks later, never at once, in the order of the calls. */
export type Schedule = (task: () => void) => void;

export interface MemoryLink {
  readonly device: Transport;
  readonly server: Transport;
  /** Loses the connection and everything in flight: both ends get 1006. */
  cut(): void;
}

export function memoryLink(schedule: Schedule): MemoryLink {
  const device = new MemoryEnd(schedule);
  const server = new MemoryEnd(schedule);
  device.peer = server;
  server.peer = device;
  return {
    device,
    server,
    cut() {
      device.lose();
      server.lose();
    },
  };
}

class MemoryEnd implements Transport {
  peer: MemoryEnd | null = null;
  bufferedBytes = 0;
  readonly #schedule: Schedule;
  #listener: TransportListener | null = null;
  /** Events that arrived before there was a listener. */
  readonly #waiting: ((listener: TransportListener) => void)[] = [];
  /** closing: our close is in flight; lost: nothing arrives any more. */
  #state: 'open' | 'closing' | 'lost' | 'closed' = 'open';

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  listen(listener: TransportListener): void {
    this.#schedule(() => {
      this.#listener = listener;
      for (const tell of this.#waiting.splice(0)) tell(listener);
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.bufferedBytes += bytes.length;
    this.#schedule(() => {
      this.bufferedBytes -= bytes.length;
      this.peer!.#arrive(bytes);
    });
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    const end = { code, reason: cutText(reason, closeReasonBytesMax) };
    this.#schedule(() => {
      if (this.#state !== 'closing') return;
      this.peer!.#end(end);
      this.#end(end);
    });
  }

  lose(): void {
    if (this.#state === 'closed') return;
    this.#state = 'lost';
    this.#schedule(() => this.#end({ code: closeLost, reason: '' }));
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#state !== 'open' && this.#state !== 'closing') return;
    this.#tell((listener) => listener.message(bytes));
  }

  #end(end: TransportEnd): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#tell((listener) => listener.closed(end));
  }

  #tell(news: (listener: TransportListener) => void): void {
    if (this.#listener === null) this.#waiting.push(news);
    else news(this.#listener);
  }
}
