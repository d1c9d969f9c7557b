// Follows the sequences of one answer and guesses how they go on. Learns from decided tokens only:
// its own guesses must not confirm themselves.

import { assert } from '../../base/assert.js';
import { type SuffixGuessLimits, SuffixLookUp } from '../../engine/suffix/suffix-look-up.js';
import { MainSequence } from '../core/drafting/main-sequence.js';
import type { DraftSequence } from '../core/event.js';

export class SuffixSequence {
  readonly #promptLength: number;
  readonly #limits: SuffixGuessLimits;
  readonly #mainSequence = new MainSequence();
  /** The decided tokens of the main sequence. */
  readonly #lookUp: SuffixLookUp;
  /** Tokens of the look-up that the sequence of the run begins with. */
  #sharedCount = 0;

  constructor(promptLength: number, limits: SuffixGuessLimits) {
    this.#promptLength = promptLength;
    this.#limits = limits;
    this.#lookUp = new SuffixLookUp({ promptLength });
  }

  /** @returns the sequence of a run, to which the caller pushes the tokens that it has reported. */
  begin(sequences: readonly DraftSequence[]): number[] {
    const { length } = sequences;
    assert(length === 1, `${length} sequences for a drafter of one`);
    const [text] = this.#mainSequence.begin(sequences);
    const { from, tokens, isMain } = sequences[0]!;
    if (isMain) this.#decide(text!, from, tokens.length);
    this.#sharedCount = Math.min(isMain ? text!.length : from, this.#lookUp.length);
    return text!;
  }

  /** Guesses how the sequence of the run goes on. @param countMax any number. */
  guess(text: readonly number[], countMax: number): readonly number[] {
    const from = this.#sharedCount;
    const limits = { ...this.#limits, countMax: Math.min(countMax, this.#limits.countMax) };
    return this.#lookUp.guess(limits, { from, tokens: text.slice(from) }).tokens;
  }

  /**
   * A token that the core adds is the target's, and so are all before it. Those after it may be
   * drafts of a branch.
   */
  #decide(text: readonly number[], from: number, addedCount: number): void {
    const decidedCount =
      addedCount > 0 ? Math.min(Math.max(this.#promptLength, from + 1), text.length) : 0;
    if (from < this.#lookUp.length) this.#lookUp.truncate(from);
    if (decidedCount <= this.#lookUp.length) return;
    this.#lookUp.append(text.slice(this.#lookUp.length, decidedCount));
  }
}
