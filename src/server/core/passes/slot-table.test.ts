// Checks that slots go to sessions with work, and that their contents are shared with sessions that
// begin alike, also after the owner has gone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Open } from '../../../protocol/frame.js';
import { draftOf, Harness, openFrame, tokensOf, verdicts } from '../core-harness.suite.js';
import { scriptedSettings, targetText } from '../scripted-target.suite.js';
import { sessionOf } from '../session.suite.js';
import { SlotTable } from './slot-table.js';

describe('slots', () => {
  it('hold nothing of a session that has none', () => {
    const slots = new SlotTable(scriptedSettings(), () => 1);
    assert.equal(slots.cacheLength(sessionOf()), 0);
  });

  it('copy what sessions share instead of computing it again', () => {
    const harness = new Harness({ model: { slotCount: 4 } });
    const ids = Int32Array.from({ length: 100 }, (_, index) => (index === 0 ? 0 : 2 + (index % 7)));
    harness.connect(1);
    for (const session of [0, 1, 2, 3]) {
      const own = Int32Array.from([...ids, 2 + session, 5]);
      harness.send(
        1,
        openFrame({ session, prompt: { kind: 'ids', ids: own }, mode: 'stream', tokensMax: 2 }),
      );
    }
    harness.settle();
    const { fedCount, sharedTokenCount } = harness.core.stats();
    assert.ok(
      sharedTokenCount >= 300 && fedCount < 130,
      `${sharedTokenCount} shared, ${fedCount} fed`,
    );
  });

  it('copy what ended sessions have left, closed or not, until the slot is needed', () => {
    const ids = Int32Array.from({ length: 60 }, (_, index) => (index === 0 ? 0 : 2 + (index % 7)));
    const prompt = { kind: 'ids', ids } as const;
    const harness = new Harness({ model: { slotCount: 2 }, settings: { swapBytesMax: 0 } });
    harness.connect(1);
    const fedBy = (session: number, open: Open): number => {
      const before = harness.core.stats().fedCount;
      harness.send(1, { ...open, session });
      harness.settle();
      assert.deepEqual(tokensOf(harness.take(1)), targetText(open).slice(ids.length));
      return harness.core.stats().fedCount - before;
    };
    const open = openFrame({ prompt, mode: 'stream', tokensMax: 4 });
    assert.ok(fedBy(0, open) >= 60);
    assert.ok(fedBy(1, { ...open, seed: 5n }) < 10, 'the session before has ended');
    harness.send(1, { kind: 'close', session: 0 });
    harness.send(1, { kind: 'close', session: 1 });
    assert.ok(fedBy(2, { ...open, scheme: 'greedy' }) < 10, 'both are closed');
    const other = Int32Array.from(ids, (token) => (token === 0 ? 0 : 10));
    for (const session of [3, 4]) {
      const unauthenticated = openFrame({
        session,
        prompt: { kind: 'ids', ids: other },
        mode: 'pipeline',
      });
      harness.send(1, unauthenticated);
      harness.settle();
    }
    harness.take(1);
    assert.ok(fedBy(5, open) >= 60, 'both slots were needed');
  });

  it('are not waited for where too few tokens are shared to be worth a copy', () => {
    const harness = new Harness({ model: { passTokensMax: 256, contextLength: 256 } });
    harness.connect(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    // Both come while a pass is in flight, and begin with the same ten tokens.
    for (const session of [1, 2]) {
      const ids = Int32Array.from({ length: 40 }, (_, at) => (at < 10 ? 3 : 2 + session));
      harness.send(1, openFrame({ session, prompt: { kind: 'ids', ids }, mode: 'stream' }));
    }
    harness.settle(2);
    assert.equal(harness.core.stats().passSessions.p99, 3);
  });

  it('hold nothing for others after a pass that failed', () => {
    const ids = Int32Array.from({ length: 60 }, (_, index) => (index === 0 ? 0 : 2 + (index % 7)));
    const harness = new Harness({ model: { slotCount: 2 } });
    harness.connect(1);
    harness.send(1, openFrame({ prompt: { kind: 'ids', ids }, mode: 'stream' }));
    harness.settle(4);
    harness.failingPasses.add(5);
    // Gone while the pass is under way, so that no session is there to distrust the slot.
    harness.send(1, { kind: 'close', session: 0 });
    harness.settle();
    harness.send(1, openFrame({ session: 1, prompt: { kind: 'ids', ids }, mode: 'stream' }));
    harness.settle();
    assert.equal(harness.core.stats().sharedTokenCount, 0);
  });

  it('go to sessions with work; idle ones are swapped out and come back', () => {
    const harness = new Harness({ model: { slotCount: 1 } });
    const promptOf = (session: number) =>
      ({
        kind: 'ids',
        ids: Int32Array.from({ length: 40 }, (_, index) => (index + session) % 5),
      }) as const;
    harness.connect(1);
    for (const session of [0, 1]) {
      harness.send(
        1,
        openFrame({ session, prompt: promptOf(session), mode: 'pipeline', seed: BigInt(session) }),
      );
      harness.settle();
    }
    const ask = (session: number, from: number): void => {
      harness.send(1, draftOf({ session, from }));
      harness.settle();
    };
    for (const from of [40, 41, 42]) for (const session of [0, 1]) ask(session, from);
    const frames = harness.take(1);
    for (const session of [0, 1]) {
      const text = targetText(openFrame({ prompt: promptOf(session), seed: BigInt(session) }));
      const own = frames.filter((frame) => 'session' in frame && frame.session === session);
      assert.deepEqual(tokensOf(own), text.slice(40, 43));
    }
    const { evictionCount, restoreCount, fedCount } = harness.core.stats();
    assert.ok(evictionCount >= 5 && restoreCount >= 4, `${evictionCount} ${restoreCount}`);
    assert.ok(fedCount < 100, `${fedCount} tokens were fed`);
  });

  it('are taken in turns when all sessions are busy', () => {
    const harness = new Harness({ model: { slotCount: 2 }, settings: { slotQuantumTokens: 4 } });
    harness.connect(1);
    for (const session of [0, 1, 2, 3, 4]) {
      harness.send(1, openFrame({ session, mode: 'stream', tokensMax: 100 }));
    }
    harness.settle(30);
    const sessions = new Set(verdicts(harness.take(1)).map(({ session }) => session));
    assert.equal(sessions.size, 5);
  });
});
