// Tests means, quantiles, intervals and hypothesis tests against known samples and published
// tables.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chiSquareFit, chiSquareTwoSample, chiSquareUpper } from './chi-square.suite.js';
import { noiseKey, uniform } from './noise.js';
import {
  mean,
  meanInterval,
  median,
  medianInterval,
  quantile,
  standardDeviation,
  studentQuantile,
} from './statistics.js';

const near = (a: number, b: number, tolerance: number): boolean => Math.abs(a - b) <= tolerance;

test('mean, deviation, median and quantile of known samples', () => {
  const samples = [2, 4, 4, 4, 5, 5, 7, 9];
  assert.equal(mean(samples), 5);
  assert.ok(near(standardDeviation(samples), Math.sqrt(32 / 7), 1e-15));
  assert.equal(median(samples), 4.5);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(quantile([0, 10], 0.3), 3);
  assert.equal(quantile([7], 0.9), 7);
});

test('Student quantiles equal the published ones', () => {
  for (const [degrees, confidence, t] of [
    [1, 0.95, 12.706205],
    [1, 0.2, 0.3249197],
    [4, 0.95, 2.776445],
    [9, 0.99, 3.249836],
    [30, 0.95, 2.042272],
    [1000, 0.95, 1.962339],
  ] as const) {
    assert.ok(near(studentQuantile(degrees, confidence), t, 1e-6));
  }
});

test('an interval for the mean of five samples', () => {
  const interval = meanInterval([1, 2, 3, 4, 5], 0.95);
  assert.equal(interval.mean, 3);
  assert.ok(near(interval.margin, (2.776445 * Math.sqrt(2.5)) / Math.sqrt(5), 1e-5));
});

const key = noiseKey(3n, 'target');

test('a 90 % interval misses the true mean in about one of ten trials', () => {
  let missed = 0;
  const trialCount = 2000;
  for (let trial = 0; trial < trialCount; trial++) {
    const samples = Array.from({ length: 8 }, (_, index) => uniform(key, trial, index));
    const interval = meanInterval(samples, 0.9);
    if (Math.abs(interval.mean - 0.5) > interval.margin) missed++;
  }
  // Uniform samples are not quite normal; 0.1 with five standard deviations of 0.0067 to each side.
  assert.ok(near(missed / trialCount, 0.1, 0.034), `${missed} of ${trialCount}`);
});

test('chi-square of counts against a law, by hand', () => {
  const { statistic, degrees, pValue } = chiSquareFit([30, 20, 50], [0.25, 0.25, 0.5]);
  assert.equal(statistic, 1 + 1 + 0);
  assert.equal(degrees, 2);
  // With two degrees the upper tail is exp(-x / 2).
  assert.ok(near(pValue, Math.exp(-1), 1e-14));
});

test('cells expected too rarely are pooled, impossible ones must be empty', () => {
  const pooled = chiSquareFit([97, 1, 2, 0], [0.96, 0.02, 0.02, 0]);
  assert.equal(pooled.degrees, 0);
  assert.equal(pooled.pValue, 1);
  const three = chiSquareFit([50, 42, 4, 4], [0.5, 0.42, 0.04, 0.04]);
  assert.equal(three.degrees, 2);
  assert.equal(chiSquareFit([99, 1], [1, 0]).pValue, 0);
});

test('two lots of one law agree, of two laws do not', () => {
  const countsOf = (from: number, bend: number): number[] => {
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 4000; draw++)
      counts[Math.floor(4 * uniform(key, from, draw) ** bend)]!++;
    return counts;
  };
  assert.ok(chiSquareTwoSample(countsOf(1, 1), countsOf(2, 1)).pValue > 1e-6);
  assert.ok(chiSquareTwoSample(countsOf(1, 1), countsOf(2, 1.3)).pValue < 1e-6);
});

test('two lots of different size are compared by shares', () => {
  assert.ok(near(chiSquareTwoSample([10, 30], [100, 300]).statistic, 0, 1e-15));
  // The classic 2 x 2 table: n (ad - bc)^2 over the product of its margins.
  const { statistic, degrees } = chiSquareTwoSample([20, 30], [40, 10]);
  assert.equal(degrees, 1);
  assert.ok(near(statistic, (100 * (20 * 10 - 30 * 40) ** 2) / (50 * 50 * 60 * 40), 1e-12));
});

test('p-values of a true hypothesis are uniform, so the odds of a false alarm are what they say', () => {
  const trialCount = 1000;
  const tenths = new Array<number>(10).fill(0);
  for (let trial = 0; trial < trialCount; trial++) {
    const counts = [0, 0, 0, 0, 0];
    for (let draw = 0; draw < 200; draw++) counts[Math.floor(5 * uniform(key, trial, draw))]!++;
    tenths[
      Math.min(
        9,
        Math.floor(
          10 *
            chiSquareFit(
              counts,
              counts.map(() => 0.2),
            ).pValue,
        ),
      )
    ]!++;
  }
  // Counts are whole, so the statistic is only nearly continuous; 1e-6 leaves room for that.
  assert.ok(
    chiSquareFit(
      tenths,
      tenths.map(() => 0.1),
    ).pValue > 1e-6,
  );
});

test('no degrees of freedom means nothing was compared', () => {
  assert.equal(chiSquareUpper(0, 0), 1);
});

test('the interval of a median takes the known order statistics: n = 6 the extremes, n = 20 the 6th and 15th', () => {
  const count = (n: number) => Array.from({ length: n }, (_, index) => index + 1);
  assert.deepEqual(medianInterval(count(6)), { low: 1, high: 6 });
  assert.deepEqual(medianInterval(count(20)), { low: 6, high: 15 });
  assert.deepEqual(medianInterval(count(3)), { low: 1, high: 3 });
});
