// Checks that a session's history learns how long its device takes between a verdict and the drafts
// that follow.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DraftHistory } from './draft-history.js';

/** Mean turnaround after rounds in which the device was away for so long each. */
function turnaroundOf(awayMs: readonly number[]): number {
  const history = new DraftHistory(0.7);
  let nowMs = 0;
  for (const ms of awayMs) {
    history.verdictSent({ acceptedCount: 1, rejectedCount: 0 }, nowMs);
    nowMs += ms;
    history.judged(nowMs);
  }
  return history.turnaroundMs;
}

describe('the turnaround of a device', () => {
  it('is unknown, 0, until a verdict was sent', () => {
    const history = new DraftHistory(0.7);
    history.judged(500);
    assert.equal(history.turnaroundMs, 0);
  });

  it('follows the time from verdict to drafts, a quarter of the way each round', () => {
    assert.equal(turnaroundOf([40]), 10);
    assert.equal(turnaroundOf([40, 40]), 17.5);
  });

  it('is 0 where the next pass was wanted before the verdict left, as in race', () => {
    assert.equal(turnaroundOf([-5]), 0);
  });

  it('takes a device that was away for longer for one that was away a second', () => {
    assert.equal(turnaroundOf([60_000]), 250);
  });
});

describe('the history of drafts', () => {
  it('counts those that stood and all that were tested', () => {
    const history = new DraftHistory(0.7);
    history.verdictSent({ acceptedCount: 3, rejectedCount: 1 }, 0);
    history.verdictSent({ acceptedCount: 2, rejectedCount: 0 }, 1);
    assert.deepEqual([history.acceptedCount, history.testedCount], [5, 6]);
  });
});
