// Expected tokens of a round when every draft is accepted independently with the same probability. Source: Leviathan,
// Kalman, Matias 2023, arXiv 2211.17192, equation 1.

import { assert } from '../base/assert.js';

/**
 * E = (1 - alpha^(gamma + 1)) / (1 - alpha): accepted drafts and the final token. Exact to rounding also where alpha is
 * close to 1, with gamma + 1 as the value at 1.
 *
 * @param acceptanceRate alpha, in [0, 1].
 * @param draftLength gamma, >= 0; need not be whole.
 */
export function expectedTokens(acceptanceRate: number, draftLength: number): number {
  assert(acceptanceRate >= 0 && acceptanceRate <= 1, `alpha ${acceptanceRate} is outside [0, 1]`);
  assert(draftLength >= 0, `draft length ${draftLength} is below 0`);
  const miss = 1 - acceptanceRate;
  if (miss === 0) return draftLength + 1;
  // 1 - alpha^n through expm1 and log1p: the plain form is off by 2^-53 / (1 - alpha).
  return -Math.expm1((draftLength + 1) * Math.log1p(-miss)) / miss;
}

/** Expected accepted drafts of a round, E - 1, in [0, gamma]. Parameters as for expectedTokens. */
export function expectedAccepted(acceptanceRate: number, draftLength: number): number {
  return expectedTokens(acceptanceRate, draftLength) - 1;
}
