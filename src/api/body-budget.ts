// Memory that bodies of requests may take together: without a bound, clients that send all but the end of long bodies
// take as much as they like before anybody has looked at a byte. Counts what is announced, reads nothing.

import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.js';

/** Bodies up to this are taken always: nearly all are, and strangers must not crowd them out. */
const smallBytes = 64 * 1024;

export class BodyBudget {
  readonly #bytesMax: number;
  readonly #bodyBytesMax: number;
  #bytes = 0;

  /** @param bytesMax of all long bodies. @param bodyBytesMax of one; one that does not say its length counts as this. */
  constructor(bytesMax: number, bodyBytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /**
   * Takes room for the body of a request.
   *
   * @returns gives it back; harmless when called again.
   * @throws ApiError `server_busy` where there is none.
   */
  take({ headers }: IncomingMessage): () => void {
    const bytes = this.#bytesOf(headers);
    if (bytes <= smallBytes) return () => undefined;
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new ApiError('server_busy', 'too many long requests are being read already');
    }
    this.#bytes += bytes;
    let isHeld = true;
    return () => {
      if (isHeld) this.#bytes -= bytes;
      isHeld = false;
    };
  }

  #bytesOf(headers: IncomingMessage['headers']): number {
    if (headers['transfer-encoding'] !== undefined) return this.#bodyBytesMax;
    const announced = Number(headers['content-length'] ?? 0);
    // What is longer than one may be is refused before it is read.
    return announced <= this.#bodyBytesMax ? announced : 0;
  }
}
