// Verifies drafts by scheme `full`: the device sends each draft token with its law; the server
// tests the ratio and draws the replacement. The baseline of the papers. Source: Leviathan, Kalman,
// Matias 2023, arXiv 2211.17192, algorithm 1.

import { assert } from '../base/assert.js';
import type { Chance } from './chance.js';
import { drawToken } from './draw-token.js';
import { type Law, probOf } from './law.js';
import { firstRejected } from './ratio-test.js';
import { residual } from './residual.js';
import { testsAll, type Verification } from './verification.js';

/**
 * Verifies drafts against the laws they were drawn from: each is accepted with probability min(1,
 * target / draft). Leviathan, Kalman, Matias 2023, arXiv 2211.17192, algorithm 1.
 *
 * @param targetLawAt the target law at row 0 .. draftCount; called in order, up to the first
 *   rejection.
 * @param drafts [draftCount] ids, each drawn from the law beside it.
 * @param draftLaws [draftCount]
 * @param chanceAt chance at the position of each row; `happens` and `draw` must be independent of
 *   the drafts' own noise.
 * @param mayTest see MayTest; default: every draft is tested.
 *
 * @example
 * ```ts
 * import { keyedChance, noiseKey, pointLaw, verifyFull } from 'pilotfish/math';
 *
 * const [accept, draw] = [noiseKey(1234n, 'accept'), noiseKey(1234n, 'target')];
 * const chanceAt = (row: number) => keyedChance(accept, draw, 17 + row);
 * const targetLaws = [pointLaw(7), pointLaw(3)];
 * const targetLawAt = (row: number) => targetLaws[row]!;
 * const drafts = Int32Array.of(8);
 * const { acceptedCount, final } = verifyFull(targetLawAt, drafts, [pointLaw(8)], chanceAt);
 * acceptedCount; // = 0
 * final; // = { kind: 'residual', token: 7 }
 * ```
 */
export function verifyFull(
  targetLawAt: (row: number) => Law,
  drafts: Int32Array,
  draftLaws: readonly Law[],
  chanceAt: (row: number) => Chance,
  mayTest = testsAll,
): Verification {
  assert(
    draftLaws.length === drafts.length,
    `${draftLaws.length} laws for ${drafts.length} drafts`,
  );
  const draftProbAt = (row: number): number => probOf(draftLaws[row]!, drafts[row]!);
  const end = firstRejected(targetLawAt, drafts, draftProbAt, chanceAt, mayTest);
  const { row, isRejected, targetLaw, chance } = end;
  const law = isRejected ? residual(targetLaw, draftLaws[row]!).law : targetLaw;
  const token = drawToken(law, chance);
  return { acceptedCount: row, final: { kind: isRejected ? 'residual' : 'bonus', token } };
}
