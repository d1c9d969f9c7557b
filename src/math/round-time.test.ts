// Tests the models of time per token against their break-even points, each other and a direct
// count.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  breakEvenRoundTripMs,
  pipelineTokenMsMin,
  raceTokenMsMin,
  stopAndWaitTokenMs,
} from './round-time.js';

const times = fc.record({
  draftMs: fc.double({ min: 0, max: 100, noNaN: true }),
  verifyMs: fc.double({ min: 0.1, max: 200, noNaN: true }),
  roundTripMs: fc.double({ min: 0, max: 500, noNaN: true }),
});
const rate = fc.double({ min: 0, max: 0.999, noNaN: true });

test('stop-and-wait is as fast as streaming at the break-even round trip', () => {
  fc.assert(
    fc.property(times, rate, fc.nat(16), ({ draftMs, verifyMs }, acceptanceRate, draftLength) => {
      const shape = { acceptanceRate, draftLength };
      const targetMs = verifyMs * 0.9;
      const roundTripMs = breakEvenRoundTripMs({ draftMs, verifyMs }, targetMs, shape);
      const tokenMs = stopAndWaitTokenMs({ draftMs, verifyMs, roundTripMs }, shape);
      assert.ok(Math.abs(tokenMs - targetMs) < 1e-9 * (1 + targetMs));
    }),
  );
  const shape = { acceptanceRate: 0.8, draftLength: 4 };
  // A laptop may be 39 ms away; for a phone no distance pays.
  assert.equal(Math.floor(breakEvenRoundTripMs({ draftMs: 8, verifyMs: 30 }, 30, shape)), 38);
  assert.ok(breakEvenRoundTripMs({ draftMs: 33, verifyMs: 30 }, 30, shape) < 0);
});

test('race is never slower than streaming, and never better than a pipeline with a bonus token', () => {
  fc.assert(
    fc.property(times, rate, (given, acceptanceRate) => {
      const race = raceTokenMsMin(given, acceptanceRate);
      assert.ok(race <= given.verifyMs * (1 + 1e-12));
      assert.ok(race >= Math.min(given.draftMs, given.verifyMs) * (1 - 1e-9));
      // Without a bonus token the chain pays one draft more per mismatch.
      const pipeline = pipelineTokenMsMin(given, acceptanceRate);
      assert.ok(race <= pipeline * (1 + 1e-9) || pipeline > given.verifyMs);
    }),
  );
});

test('the closed form of race is the mean over geometric runs', () => {
  fc.assert(
    fc.property(
      times,
      rate.filter((alpha) => alpha < 0.95),
      (given, alpha) => {
        const { draftMs, verifyMs, roundTripMs } = given;
        let mean = 0;
        for (let run = 0; run < 2000; run++) {
          const ms = Math.min(run * verifyMs, roundTripMs + run * draftMs) + verifyMs;
          mean += (1 - alpha) * alpha ** run * ms;
        }
        // A run of H accepted tokens and its mismatch are H + 1 tokens, 1 / (1 - alpha) in the
        // mean.
        const perToken = mean * (1 - alpha);
        const closed = raceTokenMsMin(given, alpha);
        const expected = draftMs < verifyMs ? perToken : verifyMs;
        assert.ok(
          Math.abs(closed - expected) < 1e-9 * (1 + expected),
          `${closed}, not ${expected}`,
        );
      },
    ),
  );
});

// Event simulation of one session with a memory-bound target: draft, pass, alpha, round trip, ms
// per token.
const simulatedRace = [
  [8, 30, 0.6, 5, 22.2],
  [8, 30, 0.8, 5, 16.0],
  [8, 30, 0.8, 20, 18.0],
  [8, 30, 0.8, 50, 20.8],
  [8, 30, 0.8, 100, 24.3],
  [8, 30, 0.8, 200, 27.7],
  [8, 30, 0.6, 20, 24.6],
  [3, 40, 0.8, 5, 14.8],
  [3, 40, 0.8, 20, 16.0],
  [3, 40, 0.8, 200, 31.4],
  [33, 30, 0.8, 20, 30.0],
] as const;

test('a simulated race stays above the bound, and within a quarter of it', () => {
  for (const [draftMs, verifyMs, alpha, roundTripMs, tokenMs] of simulatedRace) {
    const bound = raceTokenMsMin({ draftMs, verifyMs, roundTripMs }, alpha);
    // The simulated figures are rounded to a tenth and come from 4000 tokens.
    assert.ok(bound <= tokenMs * 1.01, `bound ${bound} above ${tokenMs}`);
    assert.ok(bound >= tokenMs * 0.75, `bound ${bound} far below ${tokenMs}`);
  }
});

test('the ends of the range have the limits they should', () => {
  const given = { draftMs: 5, verifyMs: 30, roundTripMs: 40 };
  assert.equal(raceTokenMsMin(given, 0), 30);
  assert.equal(raceTokenMsMin(given, 1), 5);
  assert.equal(raceTokenMsMin({ ...given, draftMs: 30 }, 0.9), 30);
  assert.equal(pipelineTokenMsMin(given, 1), 5);
  assert.equal(raceTokenMsMin({ ...given, roundTripMs: 0 }, 0.5), 0.5 * 30 + 0.5 * 5);
});
