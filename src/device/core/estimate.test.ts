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
    close(meanOf(8, 8, 8, 8, 12).mean, 9);
    close(meanOf(8, 8, 8, 8, 12).deviation, 1);
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
