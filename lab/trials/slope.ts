// The slope of a line through samples, with its 95 % interval: whether something grows.

import { assert } from '../../src/base/assert.js';
import type { Estimate } from '../../src/math/estimate.js';
import { mean, studentQuantile } from '../../src/math/statistics.js';

/**
 * Least squares.
 *
 * @param at [n >= 3] not all alike. @param values [n]
 * @returns growth of a value for one unit of `at`.
 */
export function slopeOf(at: readonly number[], values: readonly number[]): Estimate {
  const count = at.length;
  assert(count >= 3 && values.length === count, `${count} places, ${values.length} values`);
  const [middle, level] = [mean(at), mean(values)];
  const spread = at.reduce((sum, x) => sum + (x - middle) ** 2, 0);
  assert(spread > 0, 'all samples at one place');
  const value =
    at.reduce((sum, x, index) => sum + (x - middle) * (values[index]! - level), 0) / spread;
  const rest = at.reduce(
    (sum, x, index) => sum + (values[index]! - level - value * (x - middle)) ** 2,
    0,
  );
  const error = Math.sqrt(rest / (count - 2) / spread);
  const margin = studentQuantile(count - 2, 0.95) * error;
  return { value, low: value - margin, high: value + margin };
}
