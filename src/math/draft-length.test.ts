// Tests the best draft length against exhaustive search and against a simulation of rounds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bestDraftLength,
  type DraftLengthInputs,
  idealDraftLength,
  tokenMsAt,
} from './draft-length.js';

const positive = (max: number) => fc.double({ min: 0.01, max, noNaN: true });
const inputs: fc.Arbitrary<DraftLengthInputs> = fc.record({
  acceptanceRate: fc.double({ min: 0, max: 0.999, noNaN: true }),
  draftMs: positive(100),
  verifyMs: positive(200),
  rowMs: fc.double({ min: 0, max: 20, noNaN: true }),
  roundTripMs: fc.double({ min: 0, max: 500, noNaN: true }),
  load: fc.double({ min: 0, max: 0.99, noNaN: true }),
});

test('the best whole draft length beats every other', () => {
  fc.assert(
    fc.property(inputs, fc.integer({ min: 0, max: 64 }), (given, lengthMax) => {
      const best = bestDraftLength(given, lengthMax);
      assert.ok(Number.isInteger(best) && best >= 0 && best <= lengthMax);
      const bestMs = tokenMsAt(given, best);
      for (let length = 0; length <= lengthMax; length++) {
        assert.ok(bestMs <= tokenMsAt(given, length) * (1 + 1e-12), `${length} beats ${best}`);
      }
    }),
    { numRuns: 500 },
  );
});

test('of two equal lengths the shorter is the best', () => {
  const free = { rowMs: 0, roundTripMs: 0, load: 0 };
  const tied = { ...free, acceptanceRate: 0.5, draftMs: 1, verifyMs: 2 };
  assert.equal(tokenMsAt(tied, 0), tokenMsAt(tied, 1));
  assert.equal(bestDraftLength(tied, 8), 0);
});

test('the ideal length solves the fixed-point equation', () => {
  fc.assert(
    fc.property(inputs, (given) => {
      const length = idealDraftLength(given);
      if (length === 0) return;
      const stretch = 1 / (1 - given.load);
      const draftMs = given.draftMs + given.rowMs * stretch;
      const ratio = (given.roundTripMs + given.verifyMs * stretch) / draftMs;
      const decay = Math.log(1 / given.acceptanceRate);
      const right = Math.log(1 + (length + ratio) * decay) / decay;
      assert.ok(Math.abs(length + 1 - right) < 1e-6 * (1 + length), `${length + 1}, not ${right}`);
    }),
    { numRuns: 500 },
  );
});

const at = (change: Partial<DraftLengthInputs>): DraftLengthInputs => ({
  acceptanceRate: 0.8,
  draftMs: 8,
  verifyMs: 30,
  rowMs: 0,
  roundTripMs: 20,
  load: 0,
  ...change,
});

// Draft, pass, alpha, round trip; then milliseconds per token and draft length of the simulated
// optimum.
const simulated = [
  [8, 30, 0.6, 5, 26.0, 2],
  [8, 30, 0.6, 50, 47.8, 3],
  [8, 30, 0.6, 100, 70.3, 4],
  [8, 30, 0.8, 20, 24.4, 4],
  [8, 30, 0.8, 50, 32.4, 6],
  [8, 30, 0.9, 5, 15.9, 6],
  [8, 30, 0.9, 200, 43.0, 15],
  [8, 30, 0.6, 200, 113, 5],
  [33, 30, 0.8, 100, 77.6, 3],
  [3, 40, 0.8, 20, 19.4, 8],
] as const;

test('the optimum agrees with an event simulation of stop-and-wait', () => {
  for (const [draftMs, verifyMs, acceptanceRate, roundTripMs, tokenMs, length] of simulated) {
    const given = at({ draftMs, verifyMs, acceptanceRate, roundTripMs });
    const best = bestDraftLength(given, 32);
    assert.equal(best, length);
    assert.ok(Math.abs(tokenMsAt(given, best) - tokenMs) < 0.005 * tokenMs);
  }
});

test('the draft length grows with the logarithm of the round trip', () => {
  const lengths = [10, 100, 1000, 10_000].map((roundTripMs) =>
    idealDraftLength(at({ roundTripMs })),
  );
  const steps = lengths.slice(1).map((length, index) => length - lengths[index]!);
  // A factor of ten adds at most ln(10) / ln(1 / alpha) = 10.3 drafts.
  for (const step of steps) assert.ok(step > 0 && step < 10.4, `step ${step}`);
});

test('with a compute-bound target the draft length falls to 0 as the server fills up', () => {
  const lengthAt = (load: number): number =>
    bestDraftLength(at({ rowMs: 30, load, roundTripMs: 200, draftMs: 1 }), 32);
  const lengths = [0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.99].map(lengthAt);
  assert.ok(lengths[0]! > 0);
  assert.equal(lengths.at(-1), 0);
  assert.deepEqual(
    lengths,
    lengths.toSorted((a, b) => b - a),
  );
});

test('with a memory-bound target a full server is no reason to draft less', () => {
  assert.ok(bestDraftLength(at({ load: 0.9 }), 32) >= bestDraftLength(at({ load: 0 }), 32));
});

test('a slow device beside the server does best with no drafts at all', () => {
  const given = at({ draftMs: 33, acceptanceRate: 0.6, roundTripMs: 5 });
  assert.equal(bestDraftLength(given, 32), 0);
  assert.equal(tokenMsAt(given, 0), 35);
});

test('drafts that never stand are not made, free or certain ones without end', () => {
  assert.equal(bestDraftLength(at({ acceptanceRate: 0 }), 32), 0);
  assert.equal(idealDraftLength(at({ acceptanceRate: 1 })), Infinity);
  assert.equal(idealDraftLength(at({ draftMs: 0 })), Infinity);
  assert.equal(bestDraftLength(at({ acceptanceRate: 1 }), 32), 32);
});
