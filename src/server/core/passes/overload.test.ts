// Checks that a server refuses a session that would make all wait too long, never the first, and
// takes it again when there is room.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PassShape, passMsOf } from '../../../math/pass-time.js';
import { Harness, openFrame } from '../core-harness.suite.js';
import { loadedDraftLength } from './draft-advice.js';
import { loadedTokenMs } from './overload.js';

describe('a crowd', () => {
  it('waits a pass for a token while all have slots, then as many as it takes to go round', () => {
    const predict = ({ rowCount }: { readonly rowCount: number }): number => 30 + rowCount;
    const at = (busyCount: number): number =>
      loadedTokenMs({ busyCount, slotCount: 8, contextLength: 100 }, predict);
    assert.deepEqual([0, 7, 8, 15, 16].map(at), [31, 38, 76, 76, 114]);
  });

  it('gets shorter drafts, then none, and only far beyond that are sessions refused', () => {
    const slotCount = 64;
    const facts = { acceptanceRate: 0.7, turnaroundMs: 40 };
    for (const cost of [
      { fixedMs: 15, tokenMs: 0, rowMs: 15, tokenContextMs: 0 },
      { fixedMs: 60, tokenMs: 4, rowMs: 2, tokenContextMs: 0.002 },
    ]) {
      const predict = (shape: PassShape): number => passMsOf(cost, shape);
      const lengthAt = (count: number): number => {
        const judgedCount = Math.min(count, slotCount);
        const busyShare = Math.min(0.999, count / 8);
        const load = { cost, judgedCount, contextLength: 200, busyShare };
        return loadedDraftLength(load, facts, 16);
      };
      const lengths = Array.from({ length: 128 }, (_, index) => lengthAt(index + 1));
      for (const [index, length] of lengths.slice(1).entries()) {
        assert.ok(length <= lengths[index]! + 1e-9, `longer with ${index + 2} sessions`);
      }
      const noneFrom = lengths.findIndex((length) => length < 0.5) + 1;
      assert.ok(lengths[0]! >= 1 && noneFrom > 1, `${lengths[0]} alone, none from ${noneFrom}`);
      const usage = { slotCount, contextLength: 200 };
      const refusedFrom = Array.from({ length: 2000 }, (_, count) => count).find(
        (busyCount) => loadedTokenMs({ ...usage, busyCount }, predict) > 10_000,
      )!;
      assert.ok(
        refusedFrom > 2 * noneFrom,
        `refused from ${refusedFrom}, no drafts from ${noneFrom}`,
      );
    }
  });

  it('takes no one more once each token would take too long, and says when to come back', () => {
    const harness = new Harness({
      model: { slotCount: 2 },
      settings: { tokenMsMax: 150 },
      passMs: 100,
    });
    harness.connect(1);
    for (const session of [0, 1]) {
      harness.send(1, openFrame({ session, mode: 'stream', tokensMax: 200 }));
    }
    harness.settle(20);
    harness.take(1);
    harness.send(1, openFrame({ session: 2, mode: 'stream' }));
    const [failure] = harness.take(1).filter(({ kind }) => kind === 'failure');
    assert.ok(failure?.kind === 'failure');
    assert.equal(failure.code, 'server-busy');
    assert.match(failure.message, /^each token would take more than 150 ms$/);
    assert.equal(failure.retryAfterMs, 500);
    harness.send(1, { kind: 'close', session: 0 });
    harness.send(1, openFrame({ session: 3, mode: 'stream' }));
    assert.deepEqual(
      harness
        .take(1)
        .map(({ kind }) => kind)
        .filter((kind) => kind === 'failure'),
      [],
    );
  });

  it('takes the first session, however slow the engine is', () => {
    const harness = new Harness({ settings: { tokenMsMax: 1 }, passMs: 5_000 });
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 3 }));
    harness.settle();
    harness.send(1, openFrame({ session: 1, mode: 'stream' }));
    assert.ok(harness.take(1).every(({ kind }) => kind !== 'failure'));
  });
});
