// The interval that benchmarks print must cover what it says.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measurePaired, medianInterval } from './paired.js';

describe('paired timing', () => {
  it('gives the known order statistics: n = 6 the extremes, n = 20 the 6th and 15th', () => {
    const count = (n: number) => Array.from({ length: n }, (_, index) => index + 1);
    assert.deepEqual(medianInterval(count(6)), { low: 1, high: 6 });
    assert.deepEqual(medianInterval(count(20)), { low: 6, high: 15 });
    assert.deepEqual(medianInterval(count(3)), { low: 1, high: 3 });
  });

  it('runs both sides every turn, in alternating order', async () => {
    const calls: string[] = [];
    await measurePaired({
      baseline: () => calls.push('b'),
      subject: () => calls.push('s'),
      turns: 6,
    });
    assert.equal(calls.length, 16);
    assert.deepEqual(calls.slice(0, 8), ['s', 'b', 'b', 's', 's', 'b', 'b', 's']);
  });
});
