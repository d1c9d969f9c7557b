// Gathers the file of one picture from its parts, and hashes them as they come: a whole file of 8
// MiB would hold the loop up for 5 ms. Holds no more than about twice what has come, whatever was
// announced. Does not say who sends.

import { createHash } from 'node:crypto';
import type { NamedFile } from '../eyes/server-eyes.js';

/** Room for the first part, and the least by which it grows. */
const roomMin = 64 * 1024;

export class PictureUpload {
  /** SHA-256 that was announced, in base64. */
  readonly name: string;
  /** Length that was announced. */
  readonly length: number;
  readonly #hash = createHash('sha256');
  #buffer = new Uint8Array(0);
  #filled = 0;
  #isTrue: boolean | null = null;

  constructor(name: string, length: number) {
    this.name = name;
    this.length = length;
  }

  /** How much of it has come, from its beginning. */
  get filled(): number {
    return this.#filled;
  }

  get isWhole(): boolean {
    return this.#filled === this.length;
  }

  /** Bytes of memory. */
  get heldBytes(): number {
    return this.#buffer.length;
  }

  /** Bytes of memory once so much more has come. */
  heldBytesWith(count: number): number {
    const needed = this.#filled + count;
    if (needed <= this.#buffer.length) return this.#buffer.length;
    return Math.min(this.length, Math.max(needed, roomMin, 2 * this.#buffer.length));
  }

  /** @param data [n >= 1] what comes next, within the length; copied. */
  append(data: Uint8Array): void {
    const room = this.heldBytesWith(data.length);
    if (room > this.#buffer.length) {
      const grown = new Uint8Array(room);
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(data, this.#filled);
    this.#filled += data.length;
    this.#hash.update(data);
  }

  /** Whether a whole file is the one that was announced. */
  isTrue(): boolean {
    this.#isTrue ??= this.#hash.digest('base64') === this.name;
    return this.#isTrue;
  }

  /** Whole; not changed any more. */
  get file(): NamedFile {
    return { name: this.name, bytes: this.#buffer.subarray(0, this.length) };
  }
}
