// Makes the law of tokens that are already ranked: cuts the falling order by top-p and min-p like
// src/math/law-pipeline.ts, without sorting again. Same operations in the same order, so the same
// bits.

import type { SparseLaw } from '../../math/law.js';
import { sparseLaw } from '../../math/law.js';
import { weightOf } from '../../math/logits.js';
import type { Sampling } from '../../math/sampling.js';
import { sumOf } from '../../math/sum.js';

/** Tokens in falling order of their logits, ties by rising id. */
export interface Ranked {
  /** [n >= 1] */
  readonly ids: Int32Array;
  /** [n], falling, the first is 1. */
  readonly weights: Float64Array;
}

/**
 * @param ids in falling order of `row`.
 * @param largest the row's largest logit, finite.
 * @param temperature > 0.
 */
export function rankedWeights(
  ids: Int32Array,
  row: Float32Array,
  largest: number,
  temperature: number,
): Ranked {
  const weights = new Float64Array(ids.length);
  for (let rank = 0; rank < ids.length; rank++) {
    weights[rank] = weightOf(row[ids[rank]!]!, largest, temperature);
  }
  return { ids, weights };
}

/**
 * Number of ranked tokens that top-p and min-p keep.
 *
 * @param total weight of all tokens that top-k kept.
 * @param doubt error bound of `total`, as a share of it.
 * @returns null if a total within this error could give another number.
 */
export function keptCount(
  { weights }: Ranked,
  { topP, minP }: Sampling,
  total: number,
  doubt: number,
): number | null {
  const massMin = topP < 1 ? topP * total : Infinity;
  const doubtful = doubt * total;
  let mass = 0;
  let count = 0;
  while (count < weights.length && mass < massMin && weights[count]! >= minP) {
    if (massMin - mass < doubtful) return null;
    mass += weights[count++]!;
  }
  return massMin < Infinity && Math.abs(mass - massMin) < doubtful ? null : count;
}

/** The law of the first `count` ranked tokens. @param count >= 1. */
export function prefixLaw(ranked: Ranked, count: number): SparseLaw {
  const ids = ranked.ids.slice(0, count);
  const weights = ranked.weights.subarray(0, count);
  const total = sumOf(weights);
  const probs = new Float64Array(count);
  for (let rank = 0; rank < count; rank++) probs[rank] = weights[rank]! / total;
  const law: SparseLaw = { kind: 'sparse', ids, probs };
  // Different logits may give equal probabilities, which a law lists by rising id. Underflow is
  // left out.
  return isInOrder(law) ? law : sparseLaw(ids, weights);
}

function isInOrder({ ids, probs }: SparseLaw): boolean {
  if (probs[probs.length - 1] === 0) return false;
  for (let rank = 1; rank < ids.length; rank++) {
    if (probs[rank] === probs[rank - 1] && ids[rank]! < ids[rank - 1]!) return false;
  }
  return true;
}
