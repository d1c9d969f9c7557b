// The gate's rule on made-up samples: a regression fails, noise and a single bad moment pass, exact
// numbers are held tightly. And its file, which comes back as it was written.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { PilotfishError } from '../../src/base/error.js';
import type { Estimate } from '../../src/math/estimate.js';
import { exact, medianEstimate } from '../../src/math/estimate.js';
import { noiseKey, uniform } from '../../src/math/noise.js';
import { baselineFrom, baselineText } from './baseline-file.js';
import { type Probe, runGate } from './gate.js';
import { changeOf, type GateReading, type GateVerdict, judgeReading } from './judge.js';

const key = noiseKey(11n, 'accept');
const tolerance = 0.15;
const turns = 12;

/**
 * Medians of turns that scatter by 40 % around `truth`, with one in six far off: a shared machine.
 */
function sampled(truth: number, trial: number): Estimate {
  return medianEstimate(
    Array.from({ length: turns }, (_, turn) => {
      const isHit = uniform(key, 3 * trial, turn) < 1 / 6;
      const scatter = 0.8 + 0.4 * uniform(key, 3 * trial + 1, turn);
      return truth * scatter * (isHit ? 0.4 : 1);
    }),
  );
}

const readingOf = (value: Estimate, isMoreBetter = true): GateReading => ({
  id: 'a',
  title: 'a',
  value,
  isMoreBetter,
});

/** A probe whose runs come out as told, one after another. */
function probeOf(
  values: readonly Estimate[],
  isExact = false,
): { probe: Probe; read: () => number } {
  let count = 0;
  const read = async () => [readingOf(values[Math.min(count++, values.length - 1)]!)];
  return { probe: { name: 'a', isExact, tolerance, read }, read: () => count };
}

async function verdictOf(
  probe: Probe,
  before: Estimate | null,
  isSameMachine = true,
): Promise<GateVerdict> {
  const baseline = new Map(before ? [['a', { value: before, tolerance }]] : []);
  const [judged] = await runGate({
    probes: [probe],
    baseline,
    isSameMachine,
    note: () => undefined,
  });
  return judged!.verdict;
}

it('noise passes: of 400 runs of unchanged code none is worse', async () => {
  // A false alarm needs two runs of medians 15 % and their own intervals away: not one in a
  // million.
  for (let trial = 0; trial < 400; trial++) {
    const { probe } = probeOf([sampled(0.4, 3 * trial), sampled(0.4, 3 * trial + 1)]);
    const verdict = await verdictOf(probe, sampled(0.4, 3 * trial + 2));
    assert.notEqual(verdict, 'worse', `trial ${trial}`);
  }
});

it('a regression fails: half the speed is told as worse, and twice the speed as better', async () => {
  for (const [truth, verdict] of [
    [0.2, 'worse'],
    [0.8, 'better'],
  ] as const) {
    let told = 0;
    for (let trial = 2_000; trial < 2_100; trial++) {
      const { probe } = probeOf([sampled(truth, 3 * trial), sampled(truth, 3 * trial + 1)]);
      if ((await verdictOf(probe, sampled(0.4, 3 * trial + 2))) === verdict) told++;
    }
    assert.ok(told >= 60, `${verdict} in ${told} of 100`);
  }
});

it('a single bad moment passes, since a suspect is measured again before it is told', async () => {
  const [good, bad] = [exact(1), exact(0.5)];
  const once = probeOf([bad, good]);
  assert.equal(await verdictOf(once.probe, good), 'ok');
  assert.equal(once.read(), 2);
  assert.equal(await verdictOf(probeOf([bad, bad]).probe, good), 'worse');
  const calm = probeOf([good]);
  assert.equal(await verdictOf(calm.probe, good), 'ok');
  assert.equal(calm.read(), 1, 'what looks well is measured once');
});

it('what only the second measurement finds is no regression yet', async () => {
  const values = [[exact(0.5), exact(1)] as const, [exact(1), exact(0.5)] as const];
  let run = 0;
  const probe: Probe = {
    name: 'two',
    isExact: false,
    tolerance,
    read: async () => values[run++]!.map((value, at) => ({ ...readingOf(value), id: `${at}` })),
  };
  const baseline = new Map(['0', '1'].map((id) => [id, { value: exact(1), tolerance }]));
  const options = { probes: [probe], baseline, isSameMachine: true, note: () => undefined };
  const judged = await runGate(options);
  assert.deepEqual(
    judged.map(({ verdict }) => verdict),
    ['ok', 'not sure'],
  );
});

it('virtual time is held tightly and read once; more bytes are worse, more speed is better', async () => {
  const one = (value: number, isMoreBetter: boolean): GateVerdict =>
    judgeReading(readingOf(exact(value), isMoreBetter), { value: exact(1), tolerance: 0.01 })
      .verdict;
  assert.deepEqual([one(1.02, false), one(1.02, true)], ['worse', 'better']);
  assert.deepEqual([one(0.98, false), one(0.98, true)], ['better', 'worse']);
  assert.deepEqual([one(1.005, false), one(0.995, true)], ['ok', 'ok']);
  const { probe, read } = probeOf([exact(0.5)], true);
  assert.equal(await verdictOf(probe, exact(1), false), 'worse', 'on any machine');
  assert.equal(read(), 1);
});

it('on another machine a measured ratio tells nothing, and without a baseline it is new', async () => {
  assert.equal(await verdictOf(probeOf([exact(0.5)]).probe, exact(1), false), 'not sure');
  assert.equal(await verdictOf(probeOf([exact(0.5)]).probe, null), 'new');
});

it('a wide interval is not sure; one that reaches 0 leaves everything open', () => {
  const wide = { value: 0.7, low: 0.4, high: 1.1 };
  assert.equal(judgeReading(readingOf(wide), { value: exact(1), tolerance }).verdict, 'not sure');
  const { value, low, high } = changeOf({ value: 0.1, low: 0, high: 0.2 }, exact(1));
  assert.deepEqual([value, low], [0.1, 0]);
  assert.ok(Math.abs(high - 0.2) < 1e-12);
});

it('a baseline comes out of its file as it went in; anything else is refused by name', () => {
  const head = { machine: 'two oars', commit: 'abc', date: '2026-01-02' };
  const value = { value: 0.25, low: 0.2, high: 0.3 };
  const baseline = { ...head, entries: new Map([['a: "b"', { value, tolerance }]]) };
  assert.deepEqual(baselineFrom(baselineText(baseline), 'x.json'), baseline);
  for (const text of ['{', '{}', '{"machine":"","commit":"","date":"","readings":{"a":1}}']) {
    assert.throws(
      () => baselineFrom(text, 'x.json'),
      (error: PilotfishError) =>
        error.code === 'usage' && /x\.json is no baseline/.test(error.message),
    );
  }
});
