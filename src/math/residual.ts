// Computes the two halves of rejection sampling between laws: the probability that a draft is
// accepted, and the law to draw from when it is rejected. Source: Leviathan, Kalman, Matias 2023,
// arXiv 2211.17192, section 2.3; Chen et al. 2023, arXiv 2302.01318.

import { assert } from '../base/assert.js';
import { denseLaw, type Law, probLookup, sparseLaw, tokenAt } from './law.js';
import { sumOf } from './sum.js';

/**
 * Probability that a drafted token is accepted: min(1, target / draft). A token that the target law
 * excludes is never accepted. Nor is one that its draft law excludes: that law cannot have drawn
 * it.
 */
export function acceptProbability(targetProb: number, draftProb: number): number {
  assert(targetProb >= 0 && draftProb >= 0, `probability ${targetProb} or ${draftProb} is below 0`);
  if (targetProb === 0 || draftProb === 0) return 0;
  return Math.min(1, targetProb / draftProb);
}

/** The part of a target law that is left after a rejection. */
export interface Residual {
  /** Proportional to the positive part of target - draft. Of the same kind as the target law. */
  readonly law: Law;
  /**
   * Its sum before it was scaled to 1, in [0, 1]: the probability that a draft is rejected, 1 - sum
   * of minima.
   */
  readonly mass: number;
}

/**
 * The law of the token that replaces a rejected one: the positive part of target - draft, scaled to
 * 1. Leviathan, Kalman, Matias 2023, arXiv 2211.17192, section 2.3.
 *
 * @returns the residual. If the target law nowhere exceeds the draft law, there is none; only
 *   rounding can then cause a rejection, and the target law itself is returned with mass 0.
 *
 * @example
 * ```ts
 * import { denseLaw, residual } from 'pilotfish/math';
 *
 * const target = denseLaw(Float64Array.of(0.5, 0.5));
 * const draft = denseLaw(Float64Array.of(0.75, 0.25));
 * const { law, mass } = residual(target, draft);
 * law.probs; // = [0, 1]
 * mass; // = 0.25
 * ```
 */
export function residual(targetLaw: Law, draftLaw: Law): Residual {
  const excess = positiveExcess(targetLaw, draftLaw);
  const mass = sumOf(excess);
  if (mass === 0) return { law: targetLaw, mass };
  const law = targetLaw.kind === 'dense' ? denseLaw(excess) : sparseLaw(targetLaw.ids, excess);
  return { law, mass };
}

/** max(0, target - draft), entry by entry of `targetLaw.probs`. @returns owned by the caller. */
export function positiveExcess(targetLaw: Law, draftLaw: Law): Float64Array {
  const draftProbAt = probLookup(draftLaw);
  return targetLaw.probs.map((prob, index) =>
    Math.max(0, prob - draftProbAt(tokenAt(targetLaw, index))),
  );
}
