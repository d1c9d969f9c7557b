import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAheadBetter, isLookDue, isWorthALead, TimeBetween } from './ahead-rule.js';

const certain = (count: number): number[] => new Array<number>(count).fill(1);

describe('passes computed ahead', () => {
  it('go on where one of many sessions now and then gains by the look-up', () => {
    assert.equal(isAheadBetter([0.25], 3, 0.3), false);
    assert.equal(isAheadBetter([0.25, 0, 0, 0], 3, 0.3), true);
  });

  it('do not where a pass takes longer than what the look-up saves', () => {
    assert.equal(isAheadBetter([0.05, 0.05], 3, 0.3), true);
    assert.equal(isAheadBetter([0.05, 0.05], 30, 0.3), false);
    assert.equal(isAheadBetter([0.05, 0.05], 30, 2), true);
  });

  it('are thrown away for drafts that save all sessions more time than they took', () => {
    assert.equal(isWorthALead([certain(4)], 3, 0), true);
    assert.equal(isWorthALead([certain(4), [], [], []], 3, 0), false);
    assert.equal(isWorthALead([certain(4), certain(4)], 3, 0), true);
    assert.equal(isWorthALead([certain(4)], 3, 5), false);
    assert.equal(isWorthALead([certain(4), [], [], []], 30, 0), false, 'a whole pass is lost');
    assert.equal(isWorthALead([[0.5, 0.5, 0.5]], 3, 0), false);
  });

  it('let a session look up once in four tokens', () => {
    assert.deepEqual([4, 5, 6, 7, 8].map(isLookDue), [true, false, false, false, true]);
  });
});

describe('the time between passes', () => {
  /** Passes of 20 ms, each told and planned after so long. */
  function measured(betweenMs: number, isAhead: boolean, passCount = 64): number {
    const between = new TimeBetween();
    let nowMs = 0;
    for (let pass = 0; pass < passCount; pass++) {
      between.passStarted(isAhead, nowMs);
      nowMs += 20 + betweenMs / 2;
      between.passEnded(20, true, nowMs);
      nowMs += betweenMs / 2;
    }
    return between.ms;
  }

  it('is measured, message and planning together, within bounds', () => {
    assert.ok(Math.abs(measured(2, false) - 2) < 0.1, `${measured(2, false)} ms`);
    assert.equal(measured(0, false, 1000), 0.1);
    assert.ok(measured(1000, false, 1000) <= 5);
  });

  it('holds no time that the engine was kept waiting for drafts', () => {
    const between = new TimeBetween();
    for (let pass = 0; pass < 64; pass++) {
      between.passStarted(false, 50 * pass);
      between.passEnded(20, true, 50 * pass + 20);
      between.held();
    }
    assert.equal(between.ms, 0.1);
  });

  it('is not measured while passes run ahead, nor while nobody waits for one', () => {
    assert.equal(measured(2, true), 0.3);
    const between = new TimeBetween();
    between.passStarted(false, 0);
    between.passEnded(20, false, 20);
    between.passStarted(false, 60_000);
    between.passEnded(20, false, 60_020);
    assert.ok(between.ms < 0.3, `${between.ms} ms`);
  });
});
