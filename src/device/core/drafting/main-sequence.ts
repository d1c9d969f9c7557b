// Tracks the sequence that the core and a drafter share for each answer, and builds the sequences
// of a run from it.

import { assert } from '../../../base/assert.js';
import type { DraftSequence } from '../event.js';

export class MainSequence {
  #tokens: number[] = [];

  /**
   * Builds the sequences of a run; one marked as main replaces the main sequence, and is shared.
   *
   * @returns [sequences] to which the caller pushes the drafted tokens that it has reported.
   */
  begin(sequences: readonly DraftSequence[]): number[][] {
    assert(sequences.length > 0, 'a run of no sequences');
    return sequences.map(({ from, tokens, isMain }, index) => {
      assert(from <= this.#tokens.length, `from ${from} of ${this.#tokens.length}`);
      assert(!isMain || index === 0, `sequence ${index} moves the main sequence`);
      const sequence = [...this.#tokens.slice(0, from), ...tokens];
      assert(sequence.length > 0, 'a sequence of no tokens');
      if (isMain) this.#tokens = sequence;
      return sequence;
    });
  }
}
