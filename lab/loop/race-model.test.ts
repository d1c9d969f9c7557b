// The model of race gives the published table, and its ends are what they must be.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { geometricMatches, raceModelTokenMs } from './race-model.js';

/**
 * Draft, pass, acceptance; then milliseconds a token at round trips of 5, 20, 50, 100 and 200 ms.
 */
const table: readonly (readonly [number, number, number, readonly number[]])[] = [
  [8, 30, 0.6, [22.2, 24.6, 26.9, 28.8, 29.9]],
  [8, 30, 0.8, [16.0, 18.0, 20.8, 24.3, 27.7]],
  [3, 40, 0.8, [14.8, 16.0, 20.0, 25.0, 31.4]],
  [33, 30, 0.8, [30, 30, 30, 30, 30]],
];

it('the model of race gives the table of its source within 4 %', () => {
  for (const [draftMs, passMs, acceptanceRate, expected] of table) {
    const matches = geometricMatches(acceptanceRate, 10_000);
    for (const [index, roundTripMs] of [5, 20, 50, 100, 200].entries()) {
      const ms = raceModelTokenMs({ draftMs, passMs, roundTripMs }, matches);
      const ratio = ms / expected[index]!;
      assert.ok(Math.abs(ratio - 1) < 0.04, `${draftMs}, ${acceptanceRate}, ${roundTripMs}: ${ms}`);
    }
  }
});

it('a draft that is always wrong costs nothing, one that is always right goes at its own pace', () => {
  const times = { draftMs: 8, passMs: 30, roundTripMs: 20 };
  assert.equal(raceModelTokenMs(times, geometricMatches(0, 500)), 30);
  const right = raceModelTokenMs(times, geometricMatches(1, 500));
  assert.ok(right >= 8 && right < 9, `${right}`);
});
