// Checks an engine that fails, in a pass or in preparing a slot: which session ends, and that no
// other notices.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainSampling } from '../../math/sampling.js';
import { draftOf, Harness, openFrame, tokensOf, verdicts } from './core-harness.suite.js';
import type { EngineOperation } from './event.js';
import { targetText } from './scripted-target.suite.js';

describe('a failing engine', () => {
  it('harms no session when it fails now and then', () => {
    const harness = new Harness();
    harness.failingPasses.add(2).add(20);
    harness.connect(1);
    const opens = [0, 1, 2].map((session) =>
      openFrame({ session, mode: 'stream', seed: BigInt(session) }),
    );
    for (const open of opens) harness.send(1, open);
    harness.settle();
    const frames = harness.take(1);
    for (const open of opens) {
      const own = frames.filter((frame) => 'session' in frame && frame.session === open.session);
      assert.deepEqual(tokensOf(own), targetText(open).slice(3));
    }
  });

  it('ends the session whose law has no token, and no other', () => {
    const harness = new Harness();
    const nothing = new Map(Array.from({ length: 16 }, (_, id) => [id, -Infinity] as const));
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream', tokensMax: 20 }));
    harness.settle(3);
    const sampling = { ...plainSampling, logitBias: nothing };
    harness.send(1, openFrame({ session: 1, mode: 'stream', sampling }));
    harness.settle();
    const frames = harness.take(1);
    const failures = frames.filter((frame) => frame.kind === 'failure');
    assert.deepEqual(
      failures.map(({ code, session }) => [code, session]),
      [['engine-failed', 1]],
    );
    assert.deepEqual(tokensOf(frames), targetText(openFrame({ tokensMax: 20 })).slice(3));
  });

  it('computes nothing that is kept on a slot that could not be opened', () => {
    const harness = new Harness({ model: { slotCount: 1 } });
    harness.failingPasses.add(1);
    harness.connect(1);
    harness.send(1, openFrame({ scheme: 'coupled', mode: 'stream', seed: 1n }));
    harness.send(1, { kind: 'close', session: 0 });
    harness.settle();
    harness.take(1);
    // The slot is empty, but still set up for the session before: a pass on it would draw with that
    // one's seed.
    const open = openFrame({ session: 1, scheme: 'coupled', mode: 'stream', seed: 2n });
    harness.send(1, open);
    const failing = harness.operations.findIndex(
      (operation) => operation.kind === 'open' && operation.config.seed === 2n,
    );
    for (let count = 0; count < failing; count++) harness.stepEngine();
    const { id } = harness.operations.shift()!;
    harness.feed({ kind: 'failed', id, code: 'engine-failed', message: 'told to fail' });
    harness.settle();
    assert.deepEqual(tokensOf(harness.take(1)), targetText(open).slice(3));
  });

  it('ends a session under which three slots in a row could not be opened', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    for (let failures = 0; failures < 3; failures++) {
      assert.ok(harness.take(1).every(({ kind }) => kind !== 'failure'));
      const index = harness.operations.findIndex(({ kind }) => kind === 'open');
      const [operation] = harness.operations.splice(index, 1);
      assert.ok(operation?.kind === 'open');
      // The pass on it, which is issued already, does not fail.
      harness.engine.open(operation.slot, operation.config);
      const { id } = operation;
      harness.feed({ kind: 'failed', id, code: 'engine-failed', message: 'told to fail' });
      harness.settle(1);
    }
    const [failure] = harness.take(1);
    assert.equal(failure?.kind === 'failure' && failure.code, 'engine-failed');
  });

  for (const failing of ['save', 'restore'] as const) {
    it(`computes a cache again where it cannot ${failing} its image`, () => {
      const harness = new Harness({ model: { slotCount: 1 } });
      const ids = Int32Array.from({ length: 40 }, (_, index) => index % 5);
      harness.connect(1);
      const opens = [0, 1].map((session) =>
        openFrame({ session, prompt: { kind: 'ids', ids }, mode: 'pipeline', tokensMax: 4 }),
      );
      for (const open of opens) {
        harness.send(1, open);
        harness.settle();
      }
      for (const [from, session] of [40, 41, 42, 43].flatMap((at) => [
        [at, 0],
        [at, 1],
      ]) as [number, number][]) {
        harness.send(1, draftOf({ session, from }));
        while (harness.operations.length > 0) {
          const [{ kind, id }] = harness.operations as [EngineOperation];
          if (kind === failing) {
            harness.operations.shift();
            harness.feed({ kind: 'failed', id, code: 'engine-failed', message: 'told to fail' });
          } else harness.stepEngine();
        }
      }
      const frames = harness.take(1);
      for (const [session, open] of opens.entries()) {
        const own = frames.filter((frame) => 'session' in frame && frame.session === session);
        assert.deepEqual(tokensOf(own), targetText(open).slice(40));
      }
      assert.equal(harness.core.stats().failureCount, 0);
    });
  }

  it('does not keep a Cancel waiting that came during a pass which then fails', () => {
    const harness = new Harness({ model: { slotCount: 1 } });
    harness.failingPasses.add(3);
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    harness.settle(2);
    harness.send(1, { kind: 'cancel', session: 0 });
    harness.settle();
    assert.equal(verdicts(harness.take(1)).at(-1)?.end, 'cancelled');
  });

  it('nor one that came during a pass on a slot that turns out not to be set up', () => {
    const harness = new Harness();
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    const operation = harness.operations.shift()!;
    assert.ok(operation.kind === 'open');
    const { id, slot, config } = operation;
    // The pass on it, which is issued already, does not fail.
    harness.engine.open(slot, config);
    harness.feed({ kind: 'failed', id, code: 'engine-failed', message: 'told to fail' });
    harness.send(1, { kind: 'cancel', session: 0 });
    harness.settle();
    const verdict = verdicts(harness.take(1)).at(-1);
    assert.equal(verdict?.end, 'cancelled');
    assert.deepEqual([verdict.queueUs, verdict.verifyUs], [0, 0], 'no pass has made it');
  });

  it('is given up on, session by session, when it always fails', () => {
    const harness = new Harness();
    for (let pass = 1; pass < 100; pass++) harness.failingPasses.add(pass);
    harness.connect(1);
    for (const session of [0, 1]) harness.send(1, openFrame({ session, mode: 'stream' }));
    harness.settle();
    const codes = harness
      .take(1)
      .flatMap((frame) => (frame.kind === 'failure' ? [frame.code] : []));
    assert.deepEqual(codes, ['engine-failed', 'engine-failed']);
    assert.ok(harness.passCount < 10);
  });
});
