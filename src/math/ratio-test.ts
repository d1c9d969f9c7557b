// The test that `split` and `full` share: walk the drafts, keep each with probability min(1, target / draft), stop at
// the first that falls. What replaces it is theirs to say.

import type { Chance } from './chance.js';
import { type Law, probOf } from './law.js';
import { acceptProbability } from './residual.js';

export interface RatioTest {
  /** Row of the first rejected draft; draftCount when all stand. */
  readonly row: number;
  /** Target law of that row, and the chance there with the test already asked. */
  readonly targetLaw: Law;
  readonly chance: Chance;
}

/**
 * @param targetLawAt the target law at row 0 .. draftCount; called in order, not behind the first rejection.
 * @param drafts [draftCount]
 * @param draftProbAt probability of each draft under the law it was drawn from.
 * @param chanceAt chance at the position of each row.
 */
export function firstRejected(
  targetLawAt: (row: number) => Law,
  drafts: Int32Array,
  draftProbAt: (row: number) => number,
  chanceAt: (row: number) => Chance,
): RatioTest {
  for (let row = 0; ; row++) {
    const targetLaw = targetLawAt(row);
    const chance = chanceAt(row);
    const isAccepted =
      row < drafts.length &&
      chance.happens(acceptProbability(probOf(targetLaw, drafts[row]!), draftProbAt(row)));
    if (!isAccepted) return { row, targetLaw, chance };
  }
}
