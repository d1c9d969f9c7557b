// What a law is, in its two forms. A law is the probability distribution a token is drawn from, after all
// sampling parameters. How logits become one: law-pipeline.ts.

/** A law over the few tokens that survived a filter. */
export interface SparseLaw {
  readonly kind: 'sparse';
  /** [n], ordered by falling probability, ties by rising id. Distinct. */
  readonly ids: Int32Array;
  /** [n], each > 0, sum 1 within 1e-12. */
  readonly probs: Float64Array;
}

/** A law over the whole vocabulary. */
export interface DenseLaw {
  readonly kind: 'dense';
  /** [vocab], each >= 0, sum 1 within 1e-9. */
  readonly probs: Float64Array;
}

export type Law = SparseLaw | DenseLaw;
