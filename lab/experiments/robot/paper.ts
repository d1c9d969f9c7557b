// Gives this system the times that a paper has measured on its robot, at the acceptance that its
// gain implies, and asks what its own baseline and the honest one make of them.

import { aheadOff } from '../../../src/device/core/drafting/ahead/ahead-budget.js';
import { exact } from '../../../src/math/estimate.js';
import { mean } from '../../../src/math/statistics.js';
import type { Service } from '../../../src/sim/index.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import type { Cells } from '../../report/text.js';
import { constantPass, deviceOf } from '../fixture.js';

/** Of one round, in milliseconds; 21 % faster than its cloud baseline. */
export const paper = {
  draftLength: 4,
  draftMs: 288,
  verifyMs: 620,
  communicationMs: 120,
  gain: 1.21,
} as const;

export const paperRounds = "the paper's rounds of 4";
const answerTokens = 400;

/**
 * What the gain implies, if the baseline waits for a round trip for each token, and if it streams:
 * the paper does not say.
 */
const readings = [
  { baseline: 'a round trip a token', baselineMs: paper.verifyMs + paper.communicationMs },
  { baseline: 'streaming', baselineMs: paper.verifyMs },
] as const;

const roundMs = paper.draftMs + paper.verifyMs + paper.communicationMs;

/** Expected tokens of a round of drafts that stand with one chance. */
const tokensOf = (acceptance: number): number =>
  Array.from({ length: paper.draftLength + 1 }, (_, depth) => acceptance ** depth).reduce(
    (sum, chance) => sum + chance,
    0,
  );

/** By halving. */
function acceptanceFor(tokens: number): number {
  let [low, high] = [0, 1];
  for (let turn = 0; turn < 40; turn++) {
    const middle = (low + high) / 2;
    if (tokensOf(middle) < tokens) low = middle;
    else high = middle;
  }
  return low;
}

type Changes = Partial<Pick<Service, 'mode' | 'stopRule' | 'devices'>>;

/** A row for each way, under both readings. @param seeds of texts. */
export async function paperRows(play: RunService, seeds: readonly number[]): Promise<Cells[]> {
  const rows = await Promise.all(readings.map((reading) => rowsOf(play, reading, seeds)));
  return rows.flat();
}

async function rowsOf(
  play: RunService,
  { baseline, baselineMs }: (typeof readings)[number],
  seeds: readonly number[],
): Promise<Cells[]> {
  const acceptance = acceptanceFor((paper.gain * roundMs) / baselineMs);
  const draftMs = paper.draftMs / paper.draftLength;
  const device = deviceOf({ draftMs, acceptance, link: evenLink(paper.communicationMs) });
  const stopRule = { kind: 'fixed', draftLengthMax: paper.draftLength } as const;
  const ways: readonly [string, Changes][] = [
    ['streaming', { mode: 'stream' }],
    [paperRounds, { mode: 'stop-and-wait', stopRule, devices: [{ ...device, ahead: aheadOff }] }],
    ['rounds of 4, drafting ahead', { mode: 'stop-and-wait', stopRule }],
    ['race', { mode: 'race' }],
    ['auto', {}],
  ];
  const service: Service = {
    ...{ deviceCount: 1, devices: [device], scheme: 'coupled', mode: 'auto' },
    stopRule: { kind: 'adaptive', draftLengthMax: 16 },
    ...{ pass: constantPass(paper.verifyMs), passNoise: 0, slotCount: 1, staticBatch: null },
    ...{ promptTokens: 8, answerTokens },
  };
  const tokenMs = await Promise.all(
    ways.map(async ([name, changes]): Promise<[string, number]> => {
      const figures = await Promise.all(
        seeds.map((seed) => play({ ...service, ...changes }, seed)),
      );
      return [name, mean(figures.flatMap((one) => one.tokenMs))];
    }),
  );
  const roundTripMs = paper.verifyMs + paper.communicationMs;
  const streamingMs = tokenMs[0]![1];
  return [['a round trip a token', roundTripMs] as const, ...tokenMs].map(([way, ms]) => ({
    reading: baseline,
    acceptance: Number(acceptance.toFixed(2)),
    way,
    tokenMs: exact(ms),
    ofPaper: exact(roundTripMs / ms),
    ofStreaming: exact(streamingMs / ms),
  }));
}
