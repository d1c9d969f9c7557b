// A device that cannot overtake the server rests, longer each time, and begins anew once drafting has paid.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Overtaking } from './overtaking.js';
import type { Pace } from './pace.js';

const paceOf = (raceShare: number | null): Pace => ({ raceShare }) as Pace;

/** Verdicts without gain until it rests. @returns for how long, in milliseconds. */
function restAfter(overtaking: Overtaking, nowMs: number): number {
  for (let verdict = 0; !overtaking.isPaused(nowMs); verdict++) {
    assert.ok(verdict < 100, 'it never rests');
    overtaking.observe(paceOf(1), nowMs);
  }
  return overtaking.pausedUntilMs! - nowMs;
}

it('rests twice as long each time that drafting has not paid, up to a minute', () => {
  const overtaking = new Overtaking();
  const rests: number[] = [];
  let nowMs = 0;
  for (let count = 0; count < 7; count++) {
    const restMs = restAfter(overtaking, nowMs);
    rests.push(restMs);
    assert.equal(overtaking.isPaused(nowMs + restMs - 1), true);
    nowMs += restMs;
    assert.equal(overtaking.isPaused(nowMs), false);
  }
  assert.deepEqual(
    rests,
    [2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000),
  );
  assert.equal(overtaking.pauseCount, 7);
  assert.equal(overtaking.pausedMs(nowMs), nowMs);
});

it('takes many verdicts in a row for a trend, and one that pays begins anew', () => {
  const overtaking = new Overtaking();
  restAfter(overtaking, 0);
  for (let verdict = 0; verdict < 15; verdict++) overtaking.observe(paceOf(1), 2_000);
  overtaking.observe(paceOf(null), 2_000);
  overtaking.observe(paceOf(0.9), 2_000);
  for (let verdict = 0; verdict < 15; verdict++) overtaking.observe(paceOf(1), 2_000);
  assert.equal(overtaking.isPaused(2_000), false);
  assert.equal(restAfter(overtaking, 2_000), 2_000);
});
