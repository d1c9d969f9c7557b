// Checks that a device which cannot beat the server rests, longer each time, and resets once
// drafting has paid.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SpeculationGate } from './speculation-gate.js';
import type { Timings } from './timings.js';

const timingsOf = (raceShare: number | null): Timings => ({ raceShare }) as Timings;

/** Verdicts without gain until it rests. @returns for how long, in milliseconds. */
function restAfter(speculationGate: SpeculationGate, nowMs: number): number {
  for (let verdict = 0; !speculationGate.isPaused(nowMs); verdict++) {
    assert.ok(verdict < 100, 'it never rests');
    speculationGate.observe(timingsOf(1), nowMs);
  }
  return speculationGate.pausedUntilMs! - nowMs;
}

it('rests twice as long each time that drafting has not paid, up to a minute', () => {
  const speculationGate = new SpeculationGate();
  const rests: number[] = [];
  let nowMs = 0;
  for (let count = 0; count < 7; count++) {
    const restMs = restAfter(speculationGate, nowMs);
    rests.push(restMs);
    assert.equal(speculationGate.isPaused(nowMs + restMs - 1), true);
    nowMs += restMs;
    assert.equal(speculationGate.isPaused(nowMs), false);
  }
  assert.deepEqual(
    rests,
    [2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000),
  );
  assert.equal(speculationGate.pauseCount, 7);
  assert.equal(speculationGate.pausedMs(nowMs), nowMs);
});

it('takes many verdicts in a row for a trend, and one that pays begins anew', () => {
  const speculationGate = new SpeculationGate();
  restAfter(speculationGate, 0);
  for (let verdict = 0; verdict < 15; verdict++) speculationGate.observe(timingsOf(1), 2_000);
  speculationGate.observe(timingsOf(null), 2_000);
  speculationGate.observe(timingsOf(0.9), 2_000);
  for (let verdict = 0; verdict < 15; verdict++) speculationGate.observe(timingsOf(1), 2_000);
  assert.equal(speculationGate.isPaused(2_000), false);
  assert.equal(restAfter(speculationGate, 2_000), 2_000);
});
