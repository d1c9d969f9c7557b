// Checks the server's half of traffic shaping: frames that wait for a flush, frames that do not,
// and a bound on what waits.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noShaping } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import {
  Harness,
  hello,
  keyOf,
  openFrame,
  resumeOf,
  tokensOf,
  verdicts,
} from './core-harness.suite.js';
import { targetText } from './scripted-target.suite.js';

const shaping = { padBytes: 64, aggregateMs: 100 };
const newest = { ...hello, versionMax: 3 };

/** @param settings of the server. */
function opened(asked: object, settings: object = {}): Harness {
  const harness = new Harness({ settings });
  harness.connect(1, newest);
  harness.send(1, openFrame({ mode: 'stream', ...asked }));
  return harness;
}

describe('a session that asks to be aggregated', () => {
  it('is told at each flush of all that was committed since, until it has the whole text', () => {
    const harness = opened(shaping);
    const heard: number[] = [];
    harness.take(1);
    for (let flush = 0; flush < 10; flush++) {
      // Four passes of ten milliseconds each.
      harness.settle(4);
      assert.deepEqual(harness.take(1), []);
      harness.advance(60);
      const frames = harness.take(1);
      assert.ok(frames.length <= 1);
      heard.push(...tokensOf(frames));
    }
    assert.deepEqual(heard, [...targetText(openFrame()).slice(3)]);
  });

  it('receives a frame at each flush while the answer is written, and none after its end', () => {
    const harness = opened(shaping);
    harness.advance(50);
    harness.take(1);
    harness.advance(350);
    // Of no ping: a device numbers its own from 1.
    const filler = { kind: 'pong', nonce: 0 };
    assert.deepEqual(harness.take(1), [filler, filler, filler, filler]);
    assert.equal(harness.core.stats().coverCount, 4);
    harness.settle();
    harness.advance(200);
    assert.equal(verdicts(harness.take(1)).at(-1)?.end, 'length');
    harness.advance(5_000);
    assert.deepEqual(harness.take(1), []);
  });

  it('receives none after its device has closed it', () => {
    const harness = opened(shaping);
    harness.settle(2);
    harness.send(1, { kind: 'close', session: 0 });
    harness.advance(100);
    harness.take(1);
    harness.advance(1_000);
    assert.deepEqual(harness.take(1), []);
  });

  it('says it to the sessions of its connection alone, and shows in the statistics', () => {
    const harness = opened(shaping);
    harness.connect(2, newest);
    harness.send(2, openFrame({ mode: 'stream' }));
    harness.settle(3);
    assert.equal(verdicts(harness.take(1)).length, 0);
    assert.ok(verdicts(harness.take(2)).length > 0);
    assert.deepEqual(harness.core.stats().cover, { ...noShaping, connectionCount: 1 });
    harness.send(2, openFrame({ session: 1, padBytes: 1 }));
    assert.equal(harness.core.stats().cover.connectionCount, 2, 'a padded one counts as well');
    harness.connect(3, newest);
    harness.send(3, openFrame({ aggregateMs: 1 }));
    assert.equal(harness.core.stats().cover.connectionCount, 3);
  });

  it('keeps it when another connection takes the session over', () => {
    const harness = opened(shaping);
    const key = keyOf(harness.take(1));
    harness.disconnect(1);
    harness.connect(2, newest);
    harness.send(2, resumeOf(key, [0, 3, 5]));
    harness.settle(3);
    harness.advance(10);
    assert.deepEqual(verdicts(harness.take(2)), []);
    harness.advance(200);
    assert.equal(verdicts(harness.take(2)).length, 1);
  });

  it('waits for flushes with its own frames only: the connection is answered at once', () => {
    const harness = opened(shaping);
    harness.settle(3);
    harness.take(1);
    harness.send(1, { kind: 'ping', nonce: 5, isCover: false });
    harness.feed({ kind: 'drain', alternatives: [] });
    assert.deepEqual(
      harness.take(1).map(({ kind }) => kind),
      ['pong', 'drain'],
    );
  });

  it('is told at once, and in order, when its connection ends', () => {
    const harness = opened(shaping);
    harness.settle();
    harness.take(1);
    harness.feed({ kind: 'stop' });
    assert.deepEqual(
      harness.take(1).map(({ kind }) => kind),
      ['verdict', 'failure'],
    );
  });

  it('cannot make the server hold more than a frame for each session it may have', () => {
    const harness = opened(shaping);
    harness.take(1);
    let heard = 0;
    let waitingMax = 0;
    for (let session = 1; session <= 500; session++) {
      harness.send(
        1,
        openFrame({ session, tokensMax: 1, sampling: { ...openFrame().sampling, topP: 7 } }),
      );
      heard += harness.take(1).length;
      waitingMax = Math.max(waitingMax, session - heard);
    }
    assert.equal(waitingMax, limits.sessions.value - 1);
  });
});

describe('a server with many shaped connections', () => {
  it('looks only at those with an answer that is being written', () => {
    const harness = opened(shaping);
    const idleCount = 200;
    for (let connection = 2; connection < 2 + idleCount; connection++) {
      harness.connect(connection, newest);
      harness.send(connection, openFrame({ mode: 'stream', tokensMax: 1, ...shaping }));
    }
    harness.settle();
    harness.advance(1_000);
    const { core } = harness;
    const asked = new Map<number, number>();
    const isWriting = core.isWriting.bind(core);
    core.isWriting = (id) => {
      asked.set(id, (asked.get(id) ?? 0) + 1);
      return isWriting(id);
    };
    harness.send(1, openFrame({ session: 1, mode: 'stream', ...shaping }));
    harness.advance(1_000);
    assert.deepEqual([...asked.keys()], [1], 'connections that were looked at');
    const flushCount = 1_000 / shaping.aggregateMs + 1;
    assert.ok(asked.get(1)! <= 2 * flushCount, `${asked.get(1)} looks at ${flushCount} flushes`);
  });

  it('keeps the socket of a slow reader from fillers, and sends what was held', () => {
    const harness = opened(shaping);
    harness.take(1);
    harness.feed({ kind: 'clogged', connection: 1 });
    harness.settle(4);
    harness.advance(500);
    assert.deepEqual(harness.take(1), [], 'nothing is merged or filled in while it is behind');
    harness.feed({ kind: 'cleared', connection: 1 });
    harness.advance(100);
    assert.equal(verdicts(harness.take(1)).length, 1);
  });
});

describe('a server that shapes every session', () => {
  it('says so to devices that know it, and pads and aggregates for those that do not', () => {
    for (const [greeting, announced] of [
      [newest, shaping],
      [hello, noShaping],
    ] as const) {
      const harness = new Harness({ settings: { shaping } });
      harness.connect(1, greeting);
      const [welcome] = harness.take(1);
      assert.ok(welcome?.kind === 'welcome');
      const { padBytes, aggregateMs } = welcome;
      assert.deepEqual({ padBytes, aggregateMs }, announced);
      harness.send(1, openFrame({ mode: 'stream' }));
      harness.take(1);
      harness.settle(4);
      assert.deepEqual(harness.take(1), []);
      harness.nowMs += 1_000;
      const effects = harness.feed({ kind: 'wake' });
      const sent = effects.filter((effect) => effect.kind === 'send');
      assert.deepEqual(
        sent.map(({ padBytes }) => padBytes),
        [64],
      );
    }
  });

  it('does not shape local connections', () => {
    const harness = new Harness({ settings: { shaping } });
    harness.connectLocal(1);
    harness.send(1, openFrame({ mode: 'stream' }));
    harness.settle(4);
    assert.ok(verdicts(harness.take(1)).length >= 3);
  });
});
