// Checks that quantiles are over the samples that there are, and over the newest 512 of many.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecentSamples } from './recent-samples.js';

function quantilesOf(samples: readonly number[]) {
  const recent = new RecentSamples();
  for (const sample of samples) recent.add(sample);
  return recent.quantiles;
}

describe('recent samples', () => {
  it('are 0 before the first', () => {
    assert.deepEqual(quantilesOf([]), { count: 0, p50: 0, p90: 0, p99: 0 });
  });

  it('are those that were added, and no others', () => {
    assert.deepEqual(quantilesOf([5, 5, 5]), { count: 3, p50: 5, p90: 5, p99: 5 });
  });

  it('are the newest 512, while all are counted', () => {
    const samples = [...new Array<number>(512).fill(1), ...new Array<number>(512).fill(2)];
    assert.deepEqual(quantilesOf(samples), { count: 1024, p50: 2, p90: 2, p99: 2 });
    const { p50, p99 } = quantilesOf(samples.slice(0, 513));
    assert.deepEqual([p50, p99], [1, 1]);
  });
});
