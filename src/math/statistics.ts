// Computes means, quantiles and intervals of samples. Source: Student 1908.

import { assert } from '../base/assert.js';
import { betaLower } from './special-functions.js';

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
