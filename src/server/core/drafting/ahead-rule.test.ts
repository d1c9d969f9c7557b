import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAheadBetter, isLookDue, isWorthALead } from './ahead-rule.js';

const certain = (count: number): number[] => new Array<number>(count).fill(1);

describe('passes computed ahead', () => {
  it('go on where one of many sessions now and then gains by the look-up', () => {
    assert.equal(isAheadBetter([0.25], 3), false);
    assert.equal(isAheadBetter([0.25, 0, 0, 0], 3), true);
  });

  it('do not where a pass takes longer than what the look-up saves', () => {
    assert.equal(isAheadBetter([0.05, 0.05], 3), true);
    assert.equal(isAheadBetter([0.05, 0.05], 30), false);
  });

  it('are thrown away for drafts that save all sessions more time than they took', () => {
    assert.equal(isWorthALead([certain(4)], 3, 0), true);
    assert.equal(isWorthALead([certain(4), [], [], []], 3, 0), false);
    assert.equal(isWorthALead([certain(4), certain(4)], 3, 0), true);
    assert.equal(isWorthALead([certain(4)], 3, 5), false);
    assert.equal(isWorthALead([[0.5, 0.5, 0.5]], 3, 0), false);
  });

  it('let a session look up once in four tokens', () => {
    assert.deepEqual([4, 5, 6, 7, 8].map(isLookDue), [true, false, false, false, true]);
  });
});
