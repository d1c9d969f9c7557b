// Gives this system the times that a paper has measured on its robot, at the acceptance that its
// gain implies, and asks what its own baseline and the honest one make of them.

import { aheadOff } from '../../../src/device/core/drafting/ahead/ahead-budget.js';
import { exact } from '../../../src/math/estimate.js';
import { mean } from '../../../src/math/statistics.js';
import type { Service, ServiceDevice, ServiceFigures } from '../../../src/sim/index.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import { linkModelOf } from '../../../src/sim/service/serve.js';
import type { Cells } from '../../report/text.js';
import { constantPass } from '../fixture.js';

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

type Changes = Partial<Pick<Service, 'mode' | 'stopRule' | 'devices'>>;

/** The farthest from its target that the draft of a toy is tried. */
const divergenceMax = 4;
const turns = 9;

/** A row for each way, under both readings. @param seeds of texts. */
export async function paperRows(play: RunService, seeds: readonly number[]): Promise<Cells[]> {
  const rows = await Promise.all(readings.map((reading) => rowsOf(play, reading, seeds)));
  return rows.flat();
}

const rounds = { kind: 'fixed', draftLengthMax: paper.draftLength } as const;

function deviceAt(divergence: number): ServiceDevice {
  const draftMs = paper.draftMs / paper.draftLength;
  const link = linkModelOf(evenLink(paper.communicationMs));
  return { name: 'robot', share: 1, draftMs, divergence, link };
}

const plainRounds = (divergence: number): Changes => ({
  mode: 'stop-and-wait',
  stopRule: rounds,
  devices: [{ ...deviceAt(divergence), ahead: aheadOff }],
});

async function rowsOf(
  play: RunService,
  { baseline, baselineMs }: (typeof readings)[number],
  seeds: readonly number[],
): Promise<Cells[]> {
  const serve = async (changes: Changes): Promise<readonly ServiceFigures[]> =>
    Promise.all(seeds.map((seed) => play({ ...service, ...changes }, seed)));
  const divergence = await halved(async (middle) => {
    const figures = await serve(plainRounds(middle));
    return tokenMsOf(figures) > baselineMs / paper.gain;
  });
  const drafting = { devices: [deviceAt(divergence)] };
  const ways: readonly [string, Changes][] = [
    ['streaming', { mode: 'stream' }],
    [paperRounds, plainRounds(divergence)],
    ['rounds of 4, drafting ahead', { ...drafting, mode: 'stop-and-wait', stopRule: rounds }],
    ['race', { ...drafting, mode: 'race' }],
    ['auto', drafting],
  ];
  const served = await Promise.all(
    ways.map(async ([way, changes]) => ({ way, figures: await serve(changes) })),
  );
  const roundTripMs = paper.verifyMs + paper.communicationMs;
  const times = [
    { way: 'a round trip a token', ms: roundTripMs },
    ...served.map(({ way, figures }) => ({ way, ms: tokenMsOf(figures) })),
  ];
  const acceptance = mean(served[1]!.figures.map(({ acceptedShare }) => acceptedShare!));
  return times.map(({ way, ms }) => ({
    reading: baseline,
    acceptance: Number(acceptance.toFixed(2)),
    way,
    tokenMs: exact(ms),
    ofPaper: exact(roundTripMs / ms),
    ofStreaming: exact(times[1]!.ms / ms),
  }));
}

/** The least divergence that is too much. */
async function halved(isTooMuch: (divergence: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [0, divergenceMax];
  for (let turn = 0; turn < turns; turn++) {
    const middle = (low + high) / 2;
    if (await isTooMuch(middle)) high = middle;
    else low = middle;
  }
  return low;
}

const tokenMsOf = (figures: readonly ServiceFigures[]): number =>
  mean(figures.flatMap(({ tokenMs }) => tokenMs));

const service: Service = {
  ...{ deviceCount: 1, devices: [deviceAt(0)], scheme: 'coupled', mode: 'auto' },
  stopRule: { kind: 'adaptive', draftLengthMax: 16 },
  ...{ pass: constantPass(paper.verifyMs), passNoise: 0, slotCount: 1, staticBatch: null },
  ...{ promptTokens: 8, answerTokens },
};
