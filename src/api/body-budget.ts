// Limits the memory that request bodies take together. Without a limit, clients that hold back the
// end of long bodies fill memory before any check. Counts announced lengths, reads nothing.

import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.js';

/**
 * Bodies up to this are always accepted: nearly all are this small, and unauthenticated clients
 * must not block them.
 */
const smallBytes = 64 * 1024;

export class BodyBudget {
  readonly #bytesMax: number;
  readonly #bodyBytesMax: number;
  #bytes = 0;

  /**
   * @param bytesMax for all long bodies together.
   * @param bodyBytesMax for one; a body of unknown length counts as this.
   */
  constructor(bytesMax: number, bodyBytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /**
   * Reserves space for the body of a request.
   *
   * @returns a function that releases the space; safe to call twice.
   * @throws ApiError `server_busy` where there is no space.
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
    // A body over the limit is refused before it is read.
    return announced <= this.#bodyBytesMax ? announced : 0;
  }
}
