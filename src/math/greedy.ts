// Verifies drafts by scheme `greedy`, at temperature 0. Draft and target both pick their likeliest
// token. Exact, because the target's argmax is the only possible text. Draws nothing.

import type { Law } from './law.js';
import { acceptWhileEqual, testsAll, type Verification } from './verification.js';

/**
 * The likeliest token of a law; of equally likely ones the lowest id.
 *
 * @example
 * ```ts
 * import { denseLaw, greedyToken } from 'pilotfish/math';
 *
 * greedyToken(denseLaw(Float64Array.of(1, 2, 2))); // = 1
 * ```
 */
export function greedyToken(law: Law): number {
  if (law.kind === 'sparse') return law.ids[0]!;
  return law.probs.reduce((best, prob, id) => (prob > law.probs[best]! ? id : best), 0);
}

/**
 * Verifies drafts of any origin at temperature 0.
 *
 * @param targetTokenAt argmax of the target at row 0 .. draftCount; called in order, up to the
 *   first difference.
 * @param drafts [draftCount] ids.
 * @param mayTest see MayTest; default: every draft is tested.
 *
 * @example
 * ```ts
 * import { verifyGreedy } from 'pilotfish/math';
 *
 * const target = [7, 3, 9];
 * const verify = (ids: number[]) => verifyGreedy((row) => target[row]!, Int32Array.from(ids));
 * verify([7, 3]).final; // = { kind: 'bonus', token: 9 }
 * verify([7, 4]).final; // = { kind: 'residual', token: 3 }
 * ```
 */
export function verifyGreedy(
  targetTokenAt: (row: number) => number,
  drafts: Int32Array,
  mayTest = testsAll,
): Verification {
  return acceptWhileEqual(targetTokenAt, drafts, mayTest);
}
