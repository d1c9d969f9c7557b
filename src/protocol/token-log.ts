// Stores the committed tokens of a session, prompt first. Append only. Never shares its buffer.

import { assert } from '../base/assert.js';

/** A log that its reader may not change. */
export type CommittedTokens = Omit<TokenLog, 'push' | 'append'>;

/** Capacity a log starts with; it doubles as it fills. */
const initialCapacity = 64;

export class TokenLog {
  #tokens = new Int32Array(initialCapacity);
  #length = 0;

  /** @param tokens copied. */
  constructor(tokens: ArrayLike<number> = []) {
    this.append(tokens);
  }

  get length(): number {
    return this.#length;
  }

  /** The token at a position in [0, length). */
  at(position: number): number {
    assert(position >= 0 && position < this.#length, `position ${position} of ${this.#length}`);
    return this.#tokens[position]!;
  }

  push(token: number): void {
    this.#grow(this.#length + 1);
    this.#tokens[this.#length++] = token;
  }

  /** @param tokens copied. */
  append(tokens: ArrayLike<number>): void {
    this.#grow(this.#length + tokens.length);
    this.#tokens.set(tokens, this.#length);
    this.#length += tokens.length;
  }

  /** A copy of positions [from, to). */
  slice(from: number, to: number = this.#length): Int32Array {
    assert(from >= 0 && from <= to && to <= this.#length, `[${from}, ${to}) of ${this.#length}`);
    return this.#tokens.slice(from, to);
  }

  /** How many of the first `lengthMax` tokens both logs share. */
  sharedPrefix(other: CommittedTokens, lengthMax: number): number {
    // Nothing but a token log is of this type.
    const tokens = (other as TokenLog).#tokens;
    const end = Math.min(lengthMax, this.#length, other.length);
    let position = 0;
    while (position < end && this.#tokens[position] === tokens[position]) position++;
    return position;
  }

  #grow(needed: number): void {
    if (needed <= this.#tokens.length) return;
    const grown = new Int32Array(Math.max(needed, this.#tokens.length * 2));
    grown.set(this.#tokens.subarray(0, this.#length));
    this.#tokens = grown;
  }
}
