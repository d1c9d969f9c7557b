// Estimates a value and its 95 % interval from samples. Resampling is seeded, so one set of samples
// gives the same interval on any machine.

import { noiseKey, uniform } from './noise.js';
import { mean, meanInterval, median, medianInterval, quantile } from './statistics.js';

/** A value and its 95 % interval; low = high = value for an exact value. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A value without chance: a count of bytes, a run of a fixed seed. */
export const exact = (value: number): Estimate => ({ value, low: value, high: value });

/**
 * Mean of independent samples, Student's interval.
 *
 * @param samples [n >= 1]; one gives no interval.
 */
export function meanEstimate(samples: readonly number[]): Estimate {
  if (samples.length < 2) return exact(mean(samples));
  const { mean: value, margin } = meanInterval(samples, 0.95);
  return { value, low: value - margin, high: value + margin };
}

/** Mean of samples that cannot be below 0; neither can its interval. @param samples [n >= 1] */
export function countEstimate(samples: readonly number[]): Estimate {
  const { low, ...rest } = meanEstimate(samples);
  return { ...rest, low: Math.max(0, low) };
}

/** Median of independent samples, by order statistics. @param samples [n >= 1] */
export function medianEstimate(samples: readonly number[]): Estimate {
  return { value: median(samples), ...medianInterval(samples) };
}

/** One independent piece of a ratio: a text, a run. */
export interface Fraction {
  readonly part: number;
  readonly whole: number;
}

const resamples = 1_000;

/**
 * Sum of parts over sum of wholes, with a bootstrap interval over the pieces (Efron 1979,
 * percentiles). A mean of ratios would give a short text the weight of a long one.
 *
 * @param pieces [n >= 1], wholes sum above 0.
 */
export function ratioEstimate(pieces: readonly Fraction[]): Estimate {
  const value = ratio(pieces);
  if (pieces.length < 2) return exact(value);
  const key = noiseKey(0n, 'accept');
  const ratios = Array.from({ length: resamples }, (_, round) =>
    ratio(pieces.map((_, index) => pieces[pick(uniform(key, round, index), pieces.length)]!)),
  );
  return { value, low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) };
}

const pick = (chance: number, count: number): number =>
  Math.min(count - 1, Math.floor(chance * count));

const ratio = (pieces: readonly Fraction[]): number =>
  sum(pieces, 'part') / Math.max(Number.MIN_VALUE, sum(pieces, 'whole'));

const sum = (pieces: readonly Fraction[], name: keyof Fraction): number =>
  pieces.reduce((total, piece) => total + piece[name], 0);

/** An estimate on another scale. @param factor > 0 or < 0. */
export function scaled({ value, low, high }: Estimate, factor: number): Estimate {
  const ends = [low * factor, high * factor];
  return { value: value * factor, low: Math.min(...ends), high: Math.max(...ends) };
}
