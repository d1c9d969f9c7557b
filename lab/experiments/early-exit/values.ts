// Turns answers into the columns of the early-exit tables: how fast, what was predicted, what it
// took. The same sums for texts in virtual time and for texts over sockets.

import type { Estimate } from '../../../src/math/estimate.js';
import { meanEstimate, medianEstimate, ratioEstimate } from '../../../src/math/estimate.js';
import type { ServiceFigures } from '../../../src/sim/index.js';
import { deviceProfiles } from '../../../src/sim/profiles/device-profiles.js';
import type { FleetCounts } from '../../loop/fleet.js';
import type { DraftPace } from './variant.js';

/** [texts] each of one device. */
export type ExitAnswers = readonly Pick<ServiceFigures, 'tokenMs' | 'statistics'>[];

/** While the device drafts. */
const { draftWatts } = deviceProfiles['orin-nano'];

/** Null where there was nothing to have a share of. */
function shareOf(
  answers: ExitAnswers,
  part: keyof FleetCounts,
  ...wholes: readonly (keyof FleetCounts)[]
): Estimate | null {
  const pieces = answers.map(({ statistics: [one] }) => ({
    part: one![part],
    whole: wholes.reduce((sum, name) => sum + one![name], 0),
  }));
  return pieces.some(({ whole }) => whole > 0) ? ratioEstimate(pieces) : null;
}

const turns = ['runnerUpHitCount', 'hintHitCount', 'branchMissCount'] as const;

/** @param base of the same texts. */
export function columnsOf(
  answers: ExitAnswers,
  base: ExitAnswers,
  { draftMs, rowShare }: DraftPace,
) {
  const tokenMs = answers.map((figures) => figures.tokenMs[0]!);
  const pairs = tokenMs.map((whole, index) => ({ part: base[index]!.tokenMs[0]!, whole }));
  const leads = answers.flatMap(({ statistics }) => statistics[0]!.hintLeadMs ?? []);
  const joules = answers.map(({ statistics: [one] }) => {
    const { draftedCount, draftPassCount, tokenCount } = one!;
    const passes = draftPassCount + rowShare * (draftedCount - draftPassCount);
    return (passes * draftMs * draftWatts) / 1_000 / tokenCount;
  });
  return {
    tokenMs: meanEstimate(tokenMs),
    speed: ratioEstimate(pairs),
    /** Of the corrections and overtakings, those for which a branch was ready, by source. */
    runnerUpHits: shareOf(answers, 'runnerUpHitCount', ...turns),
    hintHits: shareOf(answers, 'hintHitCount', ...turns),
    /** How often a hint names the very outcome, and how long before the verdict it comes. */
    right: shareOf(answers, 'hintRightCount', 'hintCount'),
    leadMs: leads.length > 0 ? medianEstimate(leads) : null,
    /** For each token of text. */
    drafted: shareOf(answers, 'draftedCount', 'tokenCount'),
    wasted: shareOf(answers, 'wastedCount', 'tokenCount'),
    /** Of drafting: by the time of its passes, of which a further row takes its share of one. */
    energy: meanEstimate(joules),
    /** Tokens of a pass of the draft model. */
    width: shareOf(answers, 'draftedCount', 'draftPassCount'),
  };
}
