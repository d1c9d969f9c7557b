// Chi-square tests of counts, for tests of distributions. Sources: Pearson 1900; Cochran 1952 for
// the smallest expected count; NIST Digital Library of Mathematical Functions, 8.7 and 8.9.

import { assert } from '../base/assert.js';
import { continuedFraction, lnGamma, termsMax } from './special-functions.js';

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
 * Regularised upper incomplete gamma function Q(a, x), in [0, 1]: DLMF 8.2.4.
 *
 * @param a > 0.
 * @param x >= 0.
 */
export function gammaUpper(a: number, x: number): number {
  assert(a > 0 && x >= 0, `gammaUpper of a ${a}, x ${x}: a must be above 0, x at least 0`);
  if (x === 0) return 1;
  if (x === Infinity) return 0;
  const scale = Math.exp(a * Math.log(x) - x - lnGamma(a));
  // The series converges fast below the mean of the gamma law, the fraction above it.
  return x < a + 1 ? 1 - scale * gammaSeries(a, x) : scale * gammaFraction(a, x);
}

/** Sum of x^k / (a (a+1) ... (a+k)): DLMF 8.7.1. */
function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let k = 1; k < termsMax; k++) {
    term *= x / (a + k);
    sum += term;
    if (term < sum * 2 ** -54) return sum;
  }
  assert(false, `series of gammaUpper(${a}, ${x}) did not converge`);
}

/** DLMF 8.9.2, even part. */
function gammaFraction(a: number, x: number): number {
  return continuedFraction(
    (k) => (k === 0 ? 1 : k * (a - k)),
    (k) => x + 2 * k + 1 - a,
  );
}
