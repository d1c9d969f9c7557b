// Both sides of a paired timing must run under the same conditions.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measurePaired } from './paired.js';

describe('paired timing', () => {
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
