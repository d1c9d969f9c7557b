// Keeps recent texts of one key, so that a session finds what its key's other sessions have written
// or read. Texts of different keys never meet: the caller keeps one pool for each. Texts shared by
// users would show, by their speed, what others write. Not for the ratio schemes: another session
// with the same seed may have written what this one is about to draw, and a guess must not depend
// on the random numbers that judge it.

import { SuffixChances } from './suffix-chances.js';
import type { SuffixMatch, SuffixText } from './suffix-text.js';

/** Bounds of a pool. */
export interface SuffixPoolLimits {
  /** Most memory of all its texts, in bytes, >= 0. */
  readonly bytesMax: number;
  /** Most texts, >= 0: bounds the time of a look-up, which asks each of them. */
  readonly textsMax: number;
}

/** 4 MiB hold about 40 000 to 80 000 tokens. */
export const suffixPoolDefaults: SuffixPoolLimits = { bytesMax: 4 * 1024 * 1024, textsMax: 16 };

/** Observations of one kind that a key remembers, and for which the first chances count. */
const keyMemory = 512;
const keyPriorWeight = 8;

/** Recent texts of one key, finished and growing; the one used least recently leaves first. */
export class SuffixPool {
  /** Chances that a new session of the key starts from; all its sessions teach them. */
  readonly chances = new SuffixChances(null, keyPriorWeight, keyMemory);
  readonly #limits: SuffixPoolLimits;
  /** Least recently used first, each with its bytes when it was last touched. */
  #texts: { readonly text: SuffixText; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor(limits: SuffixPoolLimits = suffixPoolDefaults) {
    this.#limits = limits;
  }

  /** Memory of its texts, in bytes; at most `bytesMax`. */
  get bytes(): number {
    return this.#bytes;
  }

  get textCount(): number {
    return this.#texts.length;
  }

  /** Adds a text, or notes that it has grown or was used. One that is too large alone leaves. */
  touch(text: SuffixText): void {
    const { bytesMax, textsMax } = this.#limits;
    const { bytes } = text;
    this.remove(text);
    if (bytes > bytesMax || textsMax === 0) return;
    this.#texts.push({ text, bytes });
    this.#bytes += bytes;
    while (this.#bytes > bytesMax || this.#texts.length > textsMax) {
      this.#bytes -= this.#texts.shift()!.bytes;
    }
  }

  /** Forgets a text, if it is there. */
  remove(text: SuffixText): void {
    const index = this.#texts.findLastIndex((one) => one.text === text);
    if (index < 0) return;
    this.#bytes -= this.#texts[index]!.bytes;
    this.#texts.splice(index, 1);
  }

  /**
   * The longest match of a text's ending in the other texts; of equally long ones, that of the text
   * used last.
   *
   * @param longerThan only a longer match counts.
   */
  find(ending: SuffixText, longerThan: number): SuffixMatch | null {
    let best: SuffixMatch | null = null;
    let longest = longerThan;
    for (let index = this.#texts.length - 1; index >= 0; index--) {
      const { text } = this.#texts[index]!;
      const match = text === ending ? null : text.find(ending, longest);
      if (match === null) continue;
      best = match;
      longest = match.length;
    }
    return best;
  }
}
