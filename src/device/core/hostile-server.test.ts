// A device against a server that means no good, or is broken: lies in the welcome, and links that stand and fall. None of
// them ends the process, or has it dial without a pause.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerFrame, Welcome } from '../../protocol/frame.js';
import { Bench, toyVocabulary, welcome } from './link-bench.suite.js';

describe('a server that lies in its welcome', () => {
  const greeted = (changes: Partial<Welcome>) =>
    new Bench().feed({ kind: 'link-up' }).hear({ ...welcome, ...changes });
  const endOf = (bench: Bench) =>
    bench
      .feed({ kind: 'link-down', reason: 'closed' }, 10)
      .effects.flatMap((effect) => (effect.kind === 'gave-up' ? [effect.error] : []))[0];

  it('the same vocabulary with more tokens is another one: those would have no text here', () => {
    const error = endOf(greeted({ vocabSize: toyVocabulary.size + 1 }));
    assert.equal(error?.code, 'vocabulary-mismatch');
    assert.match(error.message, /the server has 17 tokens, the device 16/);
  });

  it('a version that the device did not offer ends the link', () => {
    const error = endOf(greeted({ version: 9 }));
    assert.equal(error?.code, 'protocol-violated');
    assert.match(error.message, /version 9, which is outside \[1, 3\]/);
  });
});

describe('a server that welcomes and does nothing else', () => {
  /** Sends it away `count` times behind its welcome. @returns the pauses before the next dial, in milliseconds. */
  function pauses(count: number, sendAway: (bench: Bench, nowMs: number) => void): number[] {
    const bench = new Bench();
    const found: number[] = [];
    let nowMs = 0;
    for (let index = 0; index < count; index++) {
      bench.connect(nowMs);
      sendAway(bench, nowMs);
      const { wakeMs } = bench.feed({ kind: 'link-down', reason: 'closed' }, nowMs);
      if (bench.count('dial') > 0) found.push(0);
      else {
        found.push(wakeMs! - nowMs);
        nowMs = wakeMs!;
        bench.feed({ kind: 'timer' }, nowMs);
      }
    }
    return found;
  }

  it('is dialled again after pauses that grow', () => {
    assert.deepEqual(
      pauses(6, () => undefined),
      [37.5, 75, 150, 300, 300, 300],
    );
  });

  it('and names others, time after time, is not followed without a pause for ever', () => {
    const drain: ServerFrame = {
      kind: 'drain',
      retryAfterMs: 0,
      alternatives: Array.from({ length: 8 }, () => 'ws://localhost:1/'),
    };
    const found = pauses(12, (bench, nowMs) => bench.hear(drain, nowMs));
    assert.deepEqual(found, [0, 0, 0, 0, 0, 0, 0, 0, 37.5, 75, 150, 300]);
  });

  it('one that stood for long is met again at once, however often that was needed', () => {
    const bench = new Bench();
    for (const nowMs of [0, 438, 876, 1_314]) {
      bench.connect(nowMs).feed({ kind: 'link-down', reason: 'cut' }, nowMs + 400);
      assert.equal(bench.wakeMs, nowMs + 437.5);
      bench.feed({ kind: 'timer' }, nowMs + 438);
    }
  });
});

describe('a server that has no room', () => {
  const busyFor = (retryAfterMs: number): ServerFrame => ({
    kind: 'failure',
    code: 'server-busy',
    session: 0,
    message: 'full',
    retryAfterMs,
    block: null,
  });
  const answered = (retryAfterMs: number) =>
    new Bench({ awayMaxMs: 60_000 }).connect().ask().hear(busyFor(retryAfterMs));

  it('is asked again after the wait that it names', () => {
    const bench = answered(60_000);
    assert.equal(bench.count('failed'), 0);
    assert.equal(bench.core.answerCount, 1);
  });

  it('fails the answer at once where that is longer than the answer may wait', () => {
    const bench = answered(86_400_000);
    const [failed] = bench.effects.filter((effect) => effect.kind === 'failed');
    assert.equal(failed?.error.retryAfterMs, 86_400_000);
    assert.equal(bench.core.answerCount, 0);
  });
});
