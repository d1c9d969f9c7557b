// What was played, as values with intervals: how fast, what was foreseen, what it took. The same sums for texts in virtual
// time and for texts over sockets.

import type { Statistics } from '../../../src/device/core/statistics.js';
import type { Estimate } from '../../../src/math/estimate.js';
import {
  type Fraction,
  meanEstimate,
  medianEstimate,
  ratioEstimate,
} from '../../../src/math/estimate.js';
import type { ServiceFigures } from '../../../src/sim/index.js';
import { deviceProfiles } from '../../../src/sim/profiles/device-profiles.js';
import type { ExitTimes } from './fixture.js';

/** [texts] each of one device. */
export type Texts = readonly Pick<ServiceFigures, 'tokenMs' | 'statistics'>[];

/** While the device drafts. */
const { draftWatts } = deviceProfiles['orin-nano'];

/** Milliseconds a token, and how many times as fast as `base` on the same texts. */
export function speedAgainst(result: Texts, base: Texts): [Estimate, Estimate] {
  const tokenMs = result.map((figures) => figures.tokenMs[0]!);
  const pairs = tokenMs.map((whole, index) => ({ part: base[index]!.tokenMs[0]!, whole }));
  return [meanEstimate(tokenMs), ratioEstimate(pairs)];
}

type Count = keyof {
  [name in keyof Statistics as Statistics[name] extends number ? name : never]: true;
};

function shareOf(result: Texts, parts: readonly Count[], wholes: readonly Count[]) {
  const sum = ({ statistics }: Texts[number], names: readonly Count[]): number =>
    names.reduce((total, name) => total + statistics[0]![name], 0);
  const pieces: Fraction[] = result.map((one) => ({
    part: sum(one, parts),
    whole: sum(one, wholes),
  }));
  return pieces.some(({ whole }) => whole > 0) ? ratioEstimate(pieces) : null;
}

const turns: readonly Count[] = ['runnerUpHitCount', 'hintHitCount', 'branchMissCount'];

/** Of the corrections and overtakings, those for which a branch was ready, by source. */
export const hitsOf = (result: Texts): [Estimate | null, Estimate | null] => [
  shareOf(result, ['runnerUpHitCount'], turns),
  shareOf(result, ['hintHitCount'], turns),
];

/** How often a hint names the very outcome, and how long before the verdict it comes. */
export function hintsOf(result: Texts): [Estimate | null, Estimate | null] {
  const leads = result.flatMap(({ statistics }) => statistics[0]!.hintLeadMs ?? []);
  return [
    shareOf(result, ['hintRightCount'], ['hintCount']),
    leads.length > 0 ? medianEstimate(leads) : null,
  ];
}

/**
 * For each token of text: drafted, wasted, and what the device's drafting took in energy: by the time of its passes, of
 * which a further row takes its share of one.
 */
export function effortOf(
  result: Texts,
  { draftMs, rowShare }: Pick<ExitTimes, 'draftMs' | 'rowShare'>,
): [Estimate | null, Estimate | null, Estimate] {
  const joules = result.map(({ statistics: [one] }) => {
    const { draftedCount, draftPassCount, tokenCount } = one!;
    const passes = draftPassCount + rowShare * (draftedCount - draftPassCount);
    return (passes * draftMs * draftWatts) / 1_000 / tokenCount;
  });
  return [
    shareOf(result, ['draftedCount'], ['tokenCount']),
    shareOf(result, ['wastedCount'], ['tokenCount']),
    meanEstimate(joules),
  ];
}

/** Tokens of a pass of the draft model. */
export const widthOf = (result: Texts): Estimate | null =>
  shareOf(result, ['draftedCount'], ['draftPassCount']);
