// The drafter's side of what a DraftStart says: the sequence that the core and a drafter agree on for each answer, and the
// sequences of a run's strands as they leave it.

import { assert } from '../../../base/assert.js';
import type { DraftSequence } from '../event.js';

export class MainSequence {
  #tokens: number[] = [];

  /**
   * The sequences that a run's strands continue; the trunk is cut and continued where a strand says so.
   *
   * @returns [strands] each the caller's to push drafted tokens to, told ones only; that of the trunk's strand is the trunk.
   */
  begin(sequences: readonly DraftSequence[]): number[][] {
    assert(sequences.length > 0, 'a run of no strands');
    return sequences.map(({ from, tokens, isMain: isTrunk }, index) => {
      assert(from <= this.#tokens.length, `from ${from} of ${this.#tokens.length}`);
      assert(!isTrunk || index === 0, `strand ${index} moves the trunk`);
      const sequence = [...this.#tokens.slice(0, from), ...tokens];
      assert(sequence.length > 0, 'a strand of no tokens');
      if (isTrunk) this.#tokens = sequence;
      return sequence;
    });
  }
}
