// Checks that estimates are plain averages at first and forget old values later.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AcceptanceEstimate, ForgettingMean } from './estimate.js';

const close = (found: number | null, expected: number): void =>
  assert.ok(found !== null && Math.abs(found - expected) < 1e-12, `${found}, not ${expected}`);

describe('a mean that forgets', () => {
  const meanOf = (...values: number[]): ForgettingMean => {
    const mean = new ForgettingMean(4);
    for (const value of values) mean.add(value);
    return mean;
  };

  it('is the average of the first values, and nothing before them', () => {
    assert.deepEqual([meanOf().mean, meanOf().deviation, meanOf().count], [null, 0, 0]);
    assert.deepEqual([meanOf(8).mean, meanOf(8).deviation], [8, 0]);
    assert.deepEqual([meanOf(2, 4, 9).mean, meanOf(2, 4, 9).count], [5, 3]);
  });

  it('moves by a part in `memory` of the distance to each later value', () => {
    close(meanOf(8, 8, 8, 8, 10).mean, 8.5);
    close(meanOf(8, 8, 8, 8, 10).deviation, 0.5);
  });

  it('counts a value far outside as one a third beyond the range', () => {
    close(meanOf(9, 9, 9, 9, 900, 9).mean, 9.5625);
    close(meanOf(9, 9, 9, 9, 0, 9).mean, 8.4375);
    assert.deepEqual(
      [meanOf(9, 9, 9, 9, 900).isShifting, meanOf(9, 9, 9, 9, 11).isShifting],
      [true, false],
    );
  });

  it('begins anew with three values in a row far outside on one side', () => {
    const shifted = meanOf(9, 9, 9, 9, 50, 51, 52);
    assert.deepEqual([shifted.mean, shifted.count, shifted.shiftCount], [51.5, 2, 1]);
    assert.equal(shifted.isShifting, false);
    assert.equal(meanOf(50, 50, 50, 50, 5, 5, 5).mean, 5);
    for (const alternating of [
      [50, 9, 50, 9, 50],
      [50, 50, 0, 50, 50, 0],
    ]) {
      assert.equal(meanOf(9, 9, 9, 9, ...alternating).shiftCount, 0);
    }
  });

  it('takes a wide scatter for its range: then nothing is far outside', () => {
    const scattered = Array.from({ length: 200 }, (_, index) => [10, 30, 30, 30][index % 4]!);
    assert.equal(meanOf(...scattered).shiftCount, 0);
  });

  it('passes over values of a broken clock', () => {
    assert.equal(meanOf(8, -1, Number.NaN, Infinity, 0).count, 2);
  });
});

describe('an estimate of acceptance', () => {
  it('starts from its guess, which weighs as much as two tests', () => {
    const estimate = new AcceptanceEstimate(1e9, 0.5);
    assert.equal(estimate.rate, 0.5);
    estimate.add(2, 0);
    close(Number(estimate.rate.toFixed(6)), 0.75);
    estimate.add(0, 0);
    close(Number(estimate.rate.toFixed(6)), 0.75);
  });

  it('has forgotten all but 37 % after as many tests as its memory', () => {
    const estimate = new AcceptanceEstimate(10, 1);
    estimate.add(0, 10);
    const kept = 2 * Math.exp(-1);
    close(estimate.rate, kept / (kept + 10));
    const few = new AcceptanceEstimate(10, 0);
    few.add(3, 1);
    close(few.rate, 3 / (2 * Math.exp(-0.4) + 4));
  });
});
