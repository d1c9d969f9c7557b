// Checks the advice on draft length: long while passes cost the same whatever they hold, shorter as
// rows begin to cost, none when they cost as much as the tokens they replace, and no fluttering in
// between.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { draftOf, Harness, openFrame } from '../core-harness.suite.js';
import { expectedAcceptance, firstAdvice, loadedDraftLength, nextAdvice } from './draft-advice.js';

const cost = { fixedMs: 30, tokenMs: 0.5, rowMs: 0.1, tokenContextMs: 0 };
/**
 * Inputs of the advice: a session in race on a server that never rests, except for what a test
 * changes.
 */
const at = (judgedCount: number, acceptanceRate = 0.7, awayMs = 0, busyShare = 0.999): number => {
  const load = { cost, judgedCount, contextLength: 100, busyShare };
  return loadedDraftLength(load, { acceptanceRate, turnaroundMs: awayMs }, 64);
};

describe('draft advice', () => {
  it('falls with load, smoothly, from long drafts to none', () => {
    const lengths = Array.from({ length: 400 }, (_, index) => at(index + 1));
    assert.ok(lengths[0]! > 7, `${lengths[0]}`);
    assert.equal(lengths.at(-1), 0);
    for (let index = 1; index < lengths.length; index++) {
      const fall = lengths[index - 1]! - lengths[index]!;
      assert.ok(fall >= 0 && fall < 2.1, `${lengths[index - 1]} to ${lengths[index]}`);
    }
  });

  it('shares four drafts of a pass among its sessions, as they come, while nothing is known', () => {
    const harness = new Harness();
    harness.connect(1);
    const ids = new Int32Array(12).fill(2);
    for (const session of [0, 1, 2, 3]) {
      harness.send(1, openFrame({ session, mode: 'pipeline', tokensMax: 60 }));
    }
    harness.settle();
    const rowsOf = (sessions: readonly number[]): number => {
      const before = harness.core.stats().rowCount;
      // The first frame starts a pass, unless one is in flight.
      for (const session of sessions) harness.send(1, draftOf({ session, ids }));
      harness.stepEngine();
      return harness.core.stats().rowCount - before;
    };
    // A row for the target's own token beside four drafts; then three sessions with one each.
    assert.equal(rowsOf([0, 1, 2, 3]), 5 + 3 * 2);
  });

  it('is the limit while nothing is known of what a pass costs', () => {
    const unknown = { fixedMs: 0, tokenMs: 0, rowMs: 0, tokenContextMs: 0 };
    const load = { cost: unknown, judgedCount: 1, contextLength: 0, busyShare: 0 };
    assert.equal(loadedDraftLength(load, { acceptanceRate: 0.7, turnaroundMs: 0 }, 64), 64);
  });

  it('moves by more than three quarters of a token, or not at all', () => {
    assert.deepEqual(
      [8.75, 8.76, 7.25, 7.24].map((ideal) => nextAdvice(8, ideal, 64)),
      [null, 9, null, 7],
    );
    assert.deepEqual([nextAdvice(null, 64, 64), nextAdvice(null, 3.2, 64)], [null, 3]);
  });

  it('is longer for drafts that stand more often, and the limit where rows are free', () => {
    assert.ok(at(8, 0.9) > at(8, 0.6));
    const free = { fixedMs: 30, tokenMs: 0, rowMs: 0, tokenContextMs: 0 };
    const load = { cost: free, judgedCount: 50, contextLength: 1, busyShare: 0.5 };
    assert.equal(loadedDraftLength(load, { acceptanceRate: 0.7, turnaroundMs: 0 }, 64), 64);
  });

  it('counts the round trip to the device as far as the server would be idle', () => {
    // Bound by arithmetic: a row costs a token's own time, so that only the round trip speaks for
    // drafts.
    const expensive = { fixedMs: 0, tokenMs: 2, rowMs: 0, tokenContextMs: 0 };
    const lengthOf = (awayMs: number, busyShare: number): number => {
      const load = { cost: expensive, judgedCount: 1, contextLength: 100, busyShare };
      return loadedDraftLength(load, { acceptanceRate: 0.7, turnaroundMs: awayMs }, 64);
    };
    assert.equal(lengthOf(0, 0), 0, 'race never waits');
    const byLoad = [0, 0.25, 0.5, 0.75, 0.9, 0.999].map((busyShare) => lengthOf(20, busyShare));
    assert.ok(byLoad[0]! > 3, `${byLoad[0]} on an idle server`);
    assert.equal(byLoad.at(-1), 0);
    for (let index = 1; index < byLoad.length; index++) {
      assert.ok(byLoad[index]! <= byLoad[index - 1]!, `${byLoad}`);
    }
  });

  it('gives new sessions few drafts while nothing is known, fewer the more there are, then what the load allows', () => {
    const load = { cost, judgedCount: 100, contextLength: 100, busyShare: 0.99 };
    const lengthOf = (passCount: number, sessionCount: number): number =>
      firstAdvice(load, { passCount, sessionCount }, 64);
    assert.deepEqual(
      [1, 2, 4, 200].map((count) => lengthOf(0, count)),
      [4, 2, 1, 1],
    );
    assert.equal(lengthOf(100, 200), Math.round(at(100, 0.7, 0, 0.99)));
    assert.equal(firstAdvice(load, { passCount: 0, sessionCount: 1 }, 2), 2);
  });

  it('does not flutter: a load that swings a little moves it at most once', () => {
    let advice: number | null = null;
    let changes = 0;
    for (let index = 0; index < 200; index++) {
      const next = nextAdvice(advice, 5.4 + 0.3 * Math.sin(index), 64);
      if (next === null) continue;
      advice = next;
      changes++;
    }
    assert.equal(advice, 5);
    assert.equal(changes, 1);
  });

  it('begins at the prior and ends at what was measured', () => {
    assert.equal(expectedAcceptance(0, 0), 0.7);
    assert.ok(Math.abs(expectedAcceptance(200, 1000) - 0.2) < 0.01);
  });
});
