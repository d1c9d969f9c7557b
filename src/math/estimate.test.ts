// Checks estimates against figures worked out by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countEstimate, exact, meanEstimate, ratioEstimate, scaled } from './estimate.js';

test('the mean of one sample is exact, that of two has an interval of Student', () => {
  assert.deepEqual(meanEstimate([3]), exact(3));
  const { value, low, high } = meanEstimate([1, 3]);
  // 95 % of Student's t with one degree of freedom lies within 12.706, and the standard error is 1.
  assert.equal(value, 2);
  assert.ok(Math.abs(high - 2 - 12.706) < 0.001, `${high}`);
  assert.ok(Math.abs(2 - low - 12.706) < 0.001, `${low}`);
});

test('a count is never below 0', () => {
  const { value, low, high } = countEstimate([1, 3]);
  assert.deepEqual([value, low], [2, 0]);
  assert.ok(high > 14);
});

test('a ratio is that of the sums, and its interval that of pieces drawn again', () => {
  assert.deepEqual(ratioEstimate([{ part: 1, whole: 4 }]), exact(0.25));
  const alike = Array.from({ length: 20 }, () => ({ part: 1, whole: 4 }));
  assert.deepEqual(ratioEstimate(alike), exact(0.25));
  const pieces = Array.from({ length: 20 }, (_, index) => ({ part: index % 2, whole: 1 }));
  const { value, low, high } = ratioEstimate(pieces);
  assert.equal(value, 0.5);
  // Two standard errors of a coin that is thrown twenty times: 0.22.
  assert.ok(low > 0.2 && low < 0.4, `${low}`);
  assert.ok(high > 0.6 && high < 0.8, `${high}`);
});

test('a scale below 0 turns an interval round', () => {
  assert.deepEqual(scaled({ value: 2, low: 1, high: 4 }, -2), { value: -4, low: -8, high: -2 });
});
