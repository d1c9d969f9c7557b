// Computes the expected tokens of a round when every draft is accepted independently with the same
// probability. Source: Leviathan, Kalman, Matias 2023, arXiv 2211.17192, equation 1.

import { assert } from '../base/assert.js';

/**
 * E = (1 - alpha^(gamma + 1)) / (1 - alpha): expected accepted drafts of a round and the final
 * token, when each draft is accepted independently. Exact to rounding also where alpha is close to
 * 1. Leviathan, Kalman, Matias 2023, arXiv 2211.17192, equation 1.
 *
 * @param acceptanceRate alpha, in [0, 1].
 * @param draftLength gamma, >= 0; need not be whole.
 * @returns tokens, in [1, gamma + 1].
 *
 * @example
 * ```ts
 * import { expectedTokens } from 'pilotfish/math';
 *
 * expectedTokens(0.8, 4); // = 3.3616
 * expectedTokens(1, 4); // = 5
 * ```
 */
export function expectedTokens(acceptanceRate: number, draftLength: number): number {
  assert(acceptanceRate >= 0 && acceptanceRate <= 1, `alpha ${acceptanceRate} is outside [0, 1]`);
  assert(draftLength >= 0, `draft length ${draftLength} is below 0`);
  const miss = 1 - acceptanceRate;
  if (miss === 0) return draftLength + 1;
  // 1 - alpha^n through expm1 and log1p: the plain form is off by 2^-53 / (1 - alpha).
  return -Math.expm1((draftLength + 1) * Math.log1p(-miss)) / miss;
}
