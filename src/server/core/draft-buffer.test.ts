// Checks the chain of drafts of a session: what is taken of a frame, what stands, and what is void.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pointLaw } from '../../math/law.js';
import { TokenLog } from '../../protocol/token-log.js';
import { draftOf } from './core-harness.suite.js';
import { DraftBuffer } from './draft-buffer.js';

const prompt = [0, 3, 5];

/** A log of the prompt and what follows, and a chain that begins after the prompt. */
function chainOf(ids: readonly number[], committed: readonly number[] = []) {
  const log = new TokenLog(prompt);
  const drafts = new DraftBuffer();
  const add = (from: number, tokens: readonly number[]): number | null =>
    drafts.add(draftOf({ from, ids: Int32Array.from(tokens) }), log);
  add(prompt.length, ids);
  for (const token of committed) log.push(token);
  drafts.settle(log);
  return { log, drafts, add };
}

describe('a chain of drafts', () => {
  it('stands as far as the log goes on as drafted, and the rest is in line', () => {
    const { log, drafts } = chainOf([6, 7, 8], [6, 7]);
    assert.deepEqual(drafts.takeCounts(), { acceptedCount: 2, rejectedCount: 0 });
    assert.equal(drafts.pendingCount(log.length), 1);
    assert.deepEqual([...drafts.pending(log.length, 1).ids], [8]);
  });

  it('is void from the first token that the log does not have', () => {
    const { log, drafts } = chainOf([6, 7, 8], [6, 9]);
    assert.deepEqual(drafts.takeCounts(), { acceptedCount: 1, rejectedCount: 1 });
    assert.deepEqual(drafts.takeCounts(), { acceptedCount: 0, rejectedCount: 0 }, 'told once');
    assert.equal(drafts.isVoid, true);
    assert.equal(drafts.pendingCount(log.length), 0);
  });

  it('is forgotten as far as the device knows it committed, and all of it once it is void', () => {
    const { log, drafts } = chainOf([6, 7, 8], [6, 7]);
    drafts.forgetBelow(4);
    assert.deepEqual([drafts.size, drafts.end], [2, 6]);
    log.push(9);
    drafts.settle(log);
    drafts.forgetBelow(4);
    assert.equal(drafts.size, 0);
  });

  it('names the position at which a frame says something else than the one before', () => {
    const { add, drafts } = chainOf([6, 7, 8]);
    assert.equal(add(4, [7, 9]), 5);
    assert.equal(add(4, [7, 8, 9]), null);
    assert.equal(drafts.end, 7);
  });

  it('is void where a frame differs from tokens that are committed and forgotten', () => {
    const { log, drafts, add } = chainOf([6, 7, 8], [6, 7]);
    drafts.forgetBelow(log.length);
    assert.equal(add(3, [6, 7, 8, 9]), null);
    assert.equal(drafts.isVoid, false);
    assert.equal(drafts.pendingCount(log.length), 2);
    assert.equal(add(3, [6, 9, 8, 9]), null);
    assert.equal(drafts.isVoid, true);
  });

  it('is tested no further than to its first token that ends a text', () => {
    const { drafts } = chainOf([6, 1, 7, 1]);
    const counts = [1, 2, 4].map((countMax) => drafts.countToEnd(3, countMax, new Set([1])));
    assert.deepEqual(counts, [1, 2, 2]);
    assert.equal(drafts.countToEnd(3, 4, new Set([9])), 4);
    assert.equal(drafts.countToEnd(5, 2, new Set([7])), 1);
  });

  it('counts frames that bring new drafts, until a pass takes from it', () => {
    const { drafts, add } = chainOf([6, 7]);
    add(3, [6, 7]);
    add(5, [8]);
    assert.equal(drafts.frameCount, 2);
    drafts.passTaken();
    assert.equal(drafts.frameCount, 0);
  });
});

describe('the chances that a device tells of its drafts', () => {
  it('stay with the drafts in line, and come back once with what became of those tested', () => {
    const log = new TokenLog(prompt);
    const drafts = new DraftBuffer();
    const ids = Int32Array.of(6, 7, 8);
    drafts.add(draftOf({ ids, chances: Uint8Array.of(255, 51, 0) }), log);
    drafts.add(draftOf({ from: 6, ids: Int32Array.of(9) }), log);
    assert.deepEqual(drafts.pendingChances(log.length, 4), [1, 0.2, 0, null]);
    log.push(6);
    drafts.settle(log);
    drafts.forgetBelow(log.length);
    assert.deepEqual(drafts.pendingChances(log.length, 3), [0.2, 0, null]);
    drafts.reject(4);
    const told = [
      { told: 1, stood: true },
      { told: 0.2, stood: false },
    ];
    assert.deepEqual(drafts.takeTested(), told);
    assert.deepEqual(drafts.takeTested(), []);
  });

  it('are kept of a bounded number of tested drafts', () => {
    const log = new TokenLog(prompt);
    const drafts = new DraftBuffer();
    for (let round = 0; round < 2_000; round++) {
      const { length } = log;
      drafts.add(draftOf({ from: length, ids: Int32Array.of(6), chances: Uint8Array.of(9) }), log);
      log.push(6);
      drafts.settle(log);
    }
    assert.ok(drafts.takeTested().length < 1_000);
  });
});

describe('the next chain of drafts', () => {
  it('goes on with the counts of the one before, also of a pass that it has overtaken', () => {
    const { drafts } = chainOf([6, 7], [6, 9]);
    drafts.begin(1, 5);
    drafts.countTested(2, 1);
    assert.deepEqual(drafts.takeCounts(), { acceptedCount: 3, rejectedCount: 2 });
  });

  it('has nothing of the one before: tokens, probabilities and laws are its own', () => {
    const log = new TokenLog(prompt);
    const drafts = new DraftBuffer();
    for (const [epoch, prob] of [
      [0, 0.25],
      [1, 0.5],
    ] as const) {
      drafts.begin(epoch, prompt.length);
      const laws = [pointLaw(6 + epoch)];
      const ids = Int32Array.of(6 + epoch);
      const probs = Float64Array.of(prob);
      drafts.add(draftOf({ epoch, ids, probs, laws, more: epoch === 0 }), log);
      assert.deepEqual(drafts.pending(log.length, 1), { ids, probs, laws });
      assert.equal(drafts.hasMore, epoch === 0);
    }
    drafts.begin(2, prompt.length);
    assert.deepEqual([drafts.size, drafts.frameCount, drafts.isVoid], [0, 0, false]);
    const ids = Int32Array.of(6);
    drafts.add(draftOf({ epoch: 2, ids }), log);
    assert.deepEqual(drafts.pending(log.length, 1), { ids, probs: null, laws: null });
  });
});

describe('what a device holds of the log', () => {
  it('ends where its chain ends, or where it was rejected', () => {
    for (const [committed, held] of [
      [[6, 7, 8, 9], 6],
      [[6, 9, 8], 4],
    ] as const) {
      const { log, drafts } = chainOf([6, 7, 8], committed);
      assert.equal(drafts.heldTo(prompt.length, log), held);
    }
  });

  it('is nothing new where its chain begins later than what it was told', () => {
    const { log, drafts } = chainOf([6, 7, 8], [6, 7, 8]);
    drafts.forgetBelow(4);
    assert.equal(drafts.heldTo(3, log), 3);
    assert.equal(drafts.heldTo(4, log), 6);
  });
});
