// How much a pass may spend on the masks of formats. Each accepted draft needs a mask of its own, so a schema that makes
// them dear could hold everybody's pass up by as many as it drafts. Counts work, reads no clock.

import type { Grammar } from '../grammar/grammar.js';
import { grammarLimits } from '../grammar/grammar-limits.js';

export class MaskBudget {
  readonly #share: number;
  #left: number = grammarLimits.passWork;

  /** @param partyCount segments of the pass that follow a format: each may have its share whatever the others take. */
  constructor(partyCount: number) {
    this.#share = grammarLimits.passWork / Math.max(1, partyCount);
  }

  /**
   * Begins to count for one segment.
   *
   * @returns whether it may have one more mask, asked after each that it has made: where its share is used up it goes on
   *   with what nobody has taken yet.
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
