// Verifies drafts by scheme `split`: the device sends each draft token with one probability. On a
// rejection the server sends the target law and the device draws the replacement, because only the
// device knows its draft law. Source: Ning, Zheng, Yang 2025 (DSSD), arXiv 2507.12000, algorithm 2.
// Laws too long for the downlink: cut-law.ts.

import { assert } from '../base/assert.js';
import type { Chance } from './chance.js';
import { drawToken } from './draw-token.js';
import { type Law, probOf } from './law.js';
import { firstRejected } from './ratio-test.js';
import { residual } from './residual.js';
import { testsAll, type Verification } from './verification.js';

/**
 * Device: draws a draft token and tells the probability to send with it.
 *
 * @param chance of the draft stream at that position; asked once.
 * @returns `prob` in (0, 1].
 *
 * @example
 * ```ts
 * import { draftToken, keyedChance, noiseKey, pointLaw } from 'pilotfish/math';
 *
 * const key = noiseKey(1234n, 'draft');
 * draftToken(pointLaw(7), keyedChance(key, key, 17)); // = { token: 7, prob: 1 }
 * ```
 */
export function draftToken(
  draftLaw: Law,
  chance: Chance,
): { readonly token: number; readonly prob: number } {
  const token = drawToken(draftLaw, chance);
  return { token, prob: probOf(draftLaw, token) };
}

/**
 * Server: tests the drafts and draws the bonus token. The device draws the residual token. Ning,
 * Zheng, Yang 2025 (DSSD), arXiv 2507.12000, algorithm 2.
 *
 * @param targetLawAt the target law at row 0 .. draftCount; called in order, up to the first
 *   rejection.
 * @param drafts [draftCount] ids, each drawn by `draftToken`.
 * @param draftProbs [draftCount], unrounded: a rounded ratio would be a different law.
 * @param chanceAt chance at the position of each row; must be independent of the device's.
 * @param mayTest see MayTest; default: every draft is tested.
 *
 * @example
 * ```ts
 * import { keyedChance, noiseKey, pointLaw, verifySplit } from 'pilotfish/math';
 *
 * const [accept, draw] = [noiseKey(1234n, 'accept'), noiseKey(1234n, 'target')];
 * const chanceAt = (row: number) => keyedChance(accept, draw, 17 + row);
 * const verdict = verifySplit(() => pointLaw(7), Int32Array.of(8), Float64Array.of(1), chanceAt);
 * verdict.acceptedCount; // = 0
 * verdict.final.kind; // = 'law'
 * ```
 */
export function verifySplit(
  targetLawAt: (row: number) => Law,
  drafts: Int32Array,
  draftProbs: Float64Array,
  chanceAt: (row: number) => Chance,
  mayTest = testsAll,
): Verification {
  assert(
    draftProbs.length === drafts.length,
    `${draftProbs.length} probs, ${drafts.length} drafts`,
  );
  const draftProbAt = (row: number): number => draftProbs[row]!;
  const end = firstRejected(targetLawAt, drafts, draftProbAt, chanceAt, mayTest);
  const { row: acceptedCount, targetLaw: law, chance } = end;
  if (end.isRejected) return { acceptedCount, final: { kind: 'law', law } };
  return { acceptedCount, final: { kind: 'bonus', token: drawToken(law, chance) } };
}

/**
 * Device: draws the token that replaces the rejected one.
 *
 * @param targetLaw the law from the verdict.
 * @param draftLaw the law the rejected token was drawn from.
 * @param chance at that position; must be independent of the draw of the rejected token and of the
 *   server's test.
 * @returns a token id.
 *
 * @example
 * ```ts
 * import { keyedChance, noiseKey, pointLaw, residualToken } from 'pilotfish/math';
 *
 * const key = noiseKey(1234n, 'residual');
 * residualToken(pointLaw(7), pointLaw(8), keyedChance(key, key, 17)); // = 7
 * ```
 */
export function residualToken(targetLaw: Law, draftLaw: Law, chance: Chance): number {
  return drawToken(residual(targetLaw, draftLaw).law, chance);
}
