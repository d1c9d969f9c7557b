// The committed tokens of one session, prompt included: what both sides hold as final. Grows only.

import { assert } from '../../base/assert.js';

const initialCapacity = 256;

export class TokenLog {
  #tokens = new Int32Array(initialCapacity);
  #length = 0;

  constructor(tokens: Iterable<number> = []) {
    for (const token of tokens) this.push(token);
  }

  get length(): number {
    return this.#length;
  }

  /** @param position in [0, length). */
  at(position: number): number {
    assert(position >= 0 && position < this.#length, `position ${position} of ${this.#length}`);
    return this.#tokens[position]!;
  }

  push(token: number): void {
    if (this.#length === this.#tokens.length) {
      const grown = new Int32Array(this.#length * 2);
      grown.set(this.#tokens);
      this.#tokens = grown;
    }
    this.#tokens[this.#length++] = token;
  }

  /** [to - from], owned by the caller. */
  slice(from: number, to: number = this.#length): Int32Array {
    return this.#tokens.slice(from, Math.min(to, this.#length));
  }
}
