// Limits the work of a pass on grammar masks. Each accepted draft needs its own mask, so a schema
// with expensive masks could delay the sessions of a pass by one mask per draft. Counts work, reads
// no clock.

import type { Grammar } from '../grammar/grammar.js';
import { grammarLimits } from '../grammar/grammar-limits.js';

export class MaskBudget {
  readonly #share: number;
  #left: number = grammarLimits.passWork;

  /** @param partyCount segments of the pass that follow a format. Each has its own share. */
  constructor(partyCount: number) {
    this.#share = grammarLimits.passWork / Math.max(1, partyCount);
  }

  /**
   * Starts counting for one segment.
   *
   * @returns a function that tells whether the segment may make one more mask, to be called after
   *   each mask. After its own share a segment uses the rest that no other segment has used.
   */
  meter(grammar: Grammar | null): () => boolean {
    if (grammar === null) return () => true;
    let counted = grammar.work;
    let own = 0;
    return () => {
      const spent = grammar.work - counted;
      counted += spent;
      own += spent;
      this.#left -= spent;
      return own < this.#share || this.#left > 0;
    };
  }
}
