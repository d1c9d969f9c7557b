// Tests drafts for `split` and `full`: walks the drafts, keeps each with probability min(1, target
// / draft), and stops at the first rejection. The schemes decide on the replacement.

import type { Chance } from './chance.js';
import { type Law, probOf } from './law.js';
import { acceptProbability } from './residual.js';
import { testsAll } from './verification.js';

export interface RatioTest {
  /** Row of the first draft that is rejected or not tested; draftCount if all are accepted. */
  readonly row: number;
  readonly isRejected: boolean;
  /** Target law of that row, and the chance there with the test already asked. */
  readonly targetLaw: Law;
  readonly chance: Chance;
}

/**
 * @param targetLawAt the target law at row 0 .. draftCount; called in order, up to the first
 *   rejection.
 * @param drafts [draftCount]
 * @param draftProbAt probability of each draft under the law it was drawn from.
 * @param chanceAt chance at the position of each row.
 * @param mayTest asked in order, once a row, before the target law of that row.
 */
export function firstRejected(
  targetLawAt: (row: number) => Law,
  drafts: Int32Array,
  draftProbAt: (row: number) => number,
  chanceAt: (row: number) => Chance,
  mayTest = testsAll,
): RatioTest {
  for (let row = 0; ; row++) {
    const isTested = row < drafts.length && mayTest(row);
    const targetLaw = targetLawAt(row);
    const chance = chanceAt(row);
    if (!isTested) return { row, isRejected: false, targetLaw, chance };
    const probability = acceptProbability(probOf(targetLaw, drafts[row]!), draftProbAt(row));
    if (!chance.happens(probability)) return { row, isRejected: true, targetLaw, chance };
  }
}
