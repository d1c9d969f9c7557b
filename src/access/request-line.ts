// Lets a connection of HTTP have one request after the other: what comes behind a request waits in
// the socket until its answer has left, and nothing is read behind a refusal.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Cutter, PacedReader, ReaderParts } from './paced-reader.js';
import { requestUnits, unitBytes } from './read-pacer.js';

/** A refusal that its caller does not take is given up then. */
const refusalMs = 2_000;

const pieceBytesMax = 16 * 1024;

/** Cuts behind empty lines: two requests are never in one piece. */
export const requestCutter: Cutter = {
  cut: (chunk) => {
    const part = chunk.length > pieceBytesMax ? chunk.subarray(0, pieceBytesMax) : chunk;
    const ends = [part.indexOf('\n\r\n') + 3, part.indexOf('\n\n') + 2].filter((at) => at > 2);
    const bytes = Math.min(part.length, ...ends);
    return { bytes, units: Math.ceil(bytes / unitBytes) };
  },
};

export class RequestLine {
  readonly reader: PacedReader;
  readonly #socket: Socket;
  #unansweredCount = 0;
  #latest: IncomingMessage | null = null;

  /** @param parse takes the bytes of the socket. */
  constructor(socket: Socket, reader: PacedReader, parse: ReaderParts['take']) {
    this.reader = reader;
    this.#socket = socket;
    reader.handTo({ cutter: requestCutter, take: parse, isReady: () => this.#isReady() });
  }

  /** The body of the only request is still needed; behind it nothing is. */
  #isReady(): boolean {
    if (this.#unansweredCount === 0) return true;
    return this.#unansweredCount === 1 && this.#latest?.complete === false;
  }

  /** A request has come. */
  began(request: IncomingMessage, response: ServerResponse): void {
    this.#unansweredCount++;
    this.#latest = request;
    this.reader.account.spend(requestUnits);
    response.once('close', () => {
      this.#unansweredCount--;
      this.reader.go();
    });
  }

  /** It is refused, and so is all behind it. */
  refused(): void {
    this.reader.stop();
    const end = setTimeout(() => this.#socket.destroy(), refusalMs);
    this.#socket.once('close', () => clearTimeout(end));
  }
}
