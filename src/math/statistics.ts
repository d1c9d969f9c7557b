// Computes means, intervals, medians and chi-square tests of samples, for benches and distribution
// tests. Sources: Student 1908; Pearson 1900; Cochran 1952 for the smallest expected count.

import { assert } from '../base/assert.js';
import { betaLower, gammaUpper } from './special-functions.js';

/** @param samples [n >= 1] */
export function mean(samples: readonly number[]): number {
  assert(samples.length > 0, 'mean of no samples');
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

/**
 * Standard deviation of the population the samples stand for (divisor n - 1).
 *
 * @param samples [n >= 2]
 */
export function standardDeviation(samples: readonly number[]): number {
  assert(samples.length > 1, `deviation of ${samples.length} samples, fewer than 2`);
  const centre = mean(samples);
  const squares = samples.reduce((sum, sample) => sum + (sample - centre) ** 2, 0);
  return Math.sqrt(squares / (samples.length - 1));
}

/**
 * The value that a share of the samples does not exceed, interpolated.
 *
 * @param samples [n >= 1]
 * @param share in [0, 1].
 */
export function quantile(samples: readonly number[], share: number): number {
  assert(samples.length > 0, 'quantile of no samples');
  assert(share >= 0 && share <= 1, `share ${share} is outside [0, 1]`);
  const sorted = samples.toSorted((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/** @param samples [n >= 1] */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

export interface Interval {
  readonly mean: number;
  /**
   * The mean lies in [mean - margin, mean + margin] with the requested confidence, if the samples
   * are independent.
   */
  readonly margin: number;
}

/**
 * Student's interval for the mean.
 *
 * @param samples [n >= 2]
 * @param confidence in (0, 1), such as 0.95.
 */
export function meanInterval(samples: readonly number[], confidence: number): Interval {
  const standardError = standardDeviation(samples) / Math.sqrt(samples.length);
  return {
    mean: mean(samples),
    margin: studentQuantile(samples.length - 1, confidence) * standardError,
  };
}

/**
 * The t within which a Student variate lies with probability `confidence`, on both sides of 0. By
 * bisection.
 */
export function studentQuantile(degrees: number, confidence: number): number {
  assert(confidence > 0 && confidence < 1, `confidence ${confidence} is outside (0, 1)`);
  // P(|T| > t) = I_{n / (n + t^2)}(n / 2, 1 / 2): DLMF 8.17 and Student's density.
  const outside = (t: number): number => betaLower(degrees / 2, 0.5, degrees / (degrees + t * t));
  let low = 0;
  let high = 1;
  while (outside(high) > 1 - confidence) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (outside(middle) > 1 - confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export interface ChiSquare {
  readonly statistic: number;
  /** Cells compared, less one. */
  readonly degrees: number;
  /**
   * Probability of a statistic at least this large if nothing is wrong: the odds of a false alarm.
   */
  readonly pValue: number;
}

/**
 * Cells expected less often than this are pooled: below it the statistic is no longer chi-square.
 */
const expectedCountMin = 5;

/**
 * Tests whether counts follow a law. A count in a cell of probability 0 gives pValue 0.
 *
 * @param counts [n] how often each outcome occurred.
 * @param probs [n] probability of each, sum 1.
 */
export function chiSquareFit(counts: ArrayLike<number>, probs: ArrayLike<number>): ChiSquare {
  assert(counts.length === probs.length, `${counts.length} counts, ${probs.length} probabilities`);
  const sampleCount = Array.from(counts).reduce((sum, count) => sum + count, 0);
  const cells = Array.from(probs, (prob, index) => ({
    expected: prob * sampleCount,
    count: counts[index]!,
  }));
  if (cells.some(({ expected, count }) => expected === 0 && count > 0)) {
    return { statistic: Infinity, degrees: cells.length - 1, pValue: 0 };
  }
  const pooled = pool(cells, ({ expected }) => expected);
  const statistic = pooled.reduce(
    (sum, cell) =>
      sum + total(cell, ({ count, expected }) => count - expected) ** 2 / total(cell, expectedOf),
    0,
  );
  return chiSquare(statistic, pooled.length - 1);
}

const expectedOf = ({ expected }: { readonly expected: number }): number => expected;

/**
 * Tests whether two sets of counts come from one law.
 *
 * @param first, second [n] counts of the same outcomes; the sets may differ in size.
 */
export function chiSquareTwoSample(first: ArrayLike<number>, second: ArrayLike<number>): ChiSquare {
  assert(first.length === second.length, `${first.length} counts against ${second.length}`);
  const cells = Array.from(first, (count, index) => ({ first: count, second: second[index]! }));
  const firstTotal = total(cells, (cell) => cell.first);
  const secondTotal = total(cells, (cell) => cell.second);
  const smaller = Math.min(firstTotal, secondTotal) / (firstTotal + secondTotal);
  const pooled = pool(cells, (cell) => smaller * (cell.first + cell.second));
  // Sum over cells of (sqrt(K2/K1) a - sqrt(K1/K2) b)^2 / (a + b), with K the sizes of the sets.
  const weight = Math.sqrt(secondTotal / firstTotal);
  const statistic = pooled.reduce((sum, cell) => {
    const a = total(cell, (part) => part.first);
    const b = total(cell, (part) => part.second);
    return sum + (weight * a - b / weight) ** 2 / (a + b);
  }, 0);
  return chiSquare(statistic, pooled.length - 1);
}

/**
 * Upper tail of the chi-square law: Q(degrees / 2, statistic / 2).
 *
 * @param degrees >= 0; 0 compares nothing: 1.
 */
export function chiSquareUpper(statistic: number, degrees: number): number {
  return degrees === 0 ? 1 : gammaUpper(degrees / 2, statistic / 2);
}

function chiSquare(statistic: number, degrees: number): ChiSquare {
  return { statistic, degrees, pValue: chiSquareUpper(statistic, degrees) };
}

/** Merges the rarest cells until they are expected often enough; leaves the others alone. */
function pool<Cell>(cells: readonly Cell[], expectedAt: (cell: Cell) => number): Cell[][] {
  const sorted = cells
    .filter((cell) => expectedAt(cell) > 0)
    .sort((a, b) => expectedAt(a) - expectedAt(b));
  const pooled: Cell[][] = [];
  let lastExpected = expectedCountMin;
  for (const cell of sorted) {
    if (lastExpected >= expectedCountMin) {
      pooled.push([cell]);
      lastExpected = expectedAt(cell);
    } else {
      pooled[pooled.length - 1]!.push(cell);
      lastExpected += expectedAt(cell);
    }
  }
  return pooled;
}

function total<Cell>(cells: readonly Cell[], valueAt: (cell: Cell) => number): number {
  return cells.reduce((sum, cell) => sum + valueAt(cell), 0);
}

/**
 * Order statistics j and n+1-j around the median, j the largest with P(Binomial(n, 1/2) < j) <=
 * 0.025. With fewer than six values no pair covers 95 %; the result is the range.
 */
export function medianInterval(values: readonly number[]): { low: number; high: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  let rank = 0;
  let probability = 0.5 ** n;
  for (let below = probability; below <= 0.025; below += probability) {
    rank++;
    probability *= (n - rank + 1) / rank;
  }
  const offset = Math.max(0, rank - 1);
  return { low: sorted[offset]!, high: sorted[n - 1 - offset]! };
}
