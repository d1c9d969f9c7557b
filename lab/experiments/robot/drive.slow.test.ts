// Checks errands in virtual time: exact and repeatable in every way, through a lost link, and auto
// at least as fast as drafts of the server alone. An answer of twenty tokens is over before a
// planner has learnt anything: without a memory between answers auto was 13 % slower there.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mean } from '../../../src/math/statistics.js';
import { type DriveResult, drive } from './drive.js';
import { usualPlace, ways } from './place.js';

const seeds = [1, 2, 3, 4, 5];

const run = (name: string, roundTripMs: number, hasDropOuts = false, passMs = 30): DriveResult =>
  drive(
    ways.find((way) => way.name === name)!,
    { ...usualPlace, passMs, roundTripMs, hasDropOuts },
    seeds,
    1,
  );

const latencyMs = ({ errands }: DriveResult): number =>
  mean(errands.flatMap((errand) => errand.latencyMs));

describe('errands in virtual time', () => {
  for (const name of ['streaming', 'stop-and-wait 4', 'race', 'co-located 8', 'auto']) {
    it(`end at the goal with ${name}, and repeat`, () => {
      const result = run(name, 20);
      assert.ok(result.errands.filter(({ isDone }) => isDone).length >= 4);
      assert.deepEqual(run(name, 20).errands, result.errands);
    });
  }

  it('end at the goal though the link is lost for two seconds, and stand safely meanwhile', () => {
    const { errands } = run('auto', 20, true);
    assert.ok(errands.filter(({ isDone }) => isDone).length >= 4);
    assert.ok(errands.some(({ missed, coasted }) => missed > 0 && coasted > 0));
  });

  it('lead nowhere without eyes', () => {
    assert.equal(run('device alone', 20).errands.filter(({ isDone }) => isDone).length, 0);
  });

  for (const roundTripMs of [5, 120]) {
    it(`act sooner in auto than in any other way at ${roundTripMs} ms`, () => {
      const others = ways.filter(({ name }) => !name.startsWith('auto') && name !== 'device alone');
      const best = Math.min(
        ...others
          .filter(({ isTokenwise }) => !isTokenwise)
          .map(({ name }) => latencyMs(run(name, roundTripMs))),
      );
      assert.ok(latencyMs(run('auto', roundTripMs)) < 0.9 * best);
    });
  }

  it('act in auto, look-ups apart, within 5 % of the best length of co-located', () => {
    for (const passMs of [15, 30]) {
      const plain = latencyMs(run('auto without look-up', 5, false, passMs));
      assert.ok(plain < 1.05 * latencyMs(run('co-located 8', 5, false, passMs)), `${passMs} ms`);
    }
  });
});
