// Lists the verification schemes with the facts by which engine, protocol, both cores and the
// simulator treat them. MATH.md proves each one exact.

/** The rules by which drafts are verified, in the order of their numbers on the wire. */
export const schemes = ['greedy', 'coupled', 'agreement', 'split', 'full'] as const;
/** One of `schemes`. */
export type Scheme = (typeof schemes)[number];

export interface SchemeTraits {
  /**
   * How the target picks a token. By `argmax` or `race` a draft model can predict it, and each end
   * computes the same: such schemes run in race, and have runners-up and branches. By `law` it is
   * drawn with chances of the server alone.
   */
  readonly pick: 'argmax' | 'race' | 'law';
  /** A draft stands if it equals the target's token, or by the ratio of its two probabilities. */
  readonly test: 'equality' | 'ratio';
  /** What the test needs of each drafted token beside its id: its probability, or its law. */
  readonly needs: 'nothing' | 'prob' | 'law';
  /**
   * Which end draws the token in place of a rejected draft. For `device` the verdict carries the
   * target's law, which an Open may cut, and the next Draft tells the token.
   */
  readonly residualBy: 'server' | 'device';
}

export const schemeTraits: { readonly [scheme in Scheme]: SchemeTraits } = {
  greedy: { pick: 'argmax', test: 'equality', needs: 'nothing', residualBy: 'server' },
  coupled: { pick: 'race', test: 'equality', needs: 'nothing', residualBy: 'server' },
  agreement: { pick: 'law', test: 'equality', needs: 'nothing', residualBy: 'server' },
  split: { pick: 'law', test: 'ratio', needs: 'prob', residualBy: 'device' },
  full: { pick: 'law', test: 'ratio', needs: 'law', residualBy: 'server' },
};
