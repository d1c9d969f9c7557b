// Checks a device against a hostile or broken server: lies in the welcome, links that come and go.
// None of them ends the process, makes it dial without a pause, or keeps an answer open.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerFrame, Welcome } from '../../protocol/frame.js';
import { LinkFixture, opened, toyVocabulary, welcome } from './link-fixture.suite.js';

describe('a server that lies in its welcome', () => {
  const greeted = (changes: Partial<Welcome>) =>
    new LinkFixture().feed({ kind: 'link-up' }).hear({ ...welcome, ...changes });
  const endOf = (bench: LinkFixture) =>
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
    assert.match(error.message, /version 9, which is outside \[1, 5\]/);
  });
});

describe('a server that welcomes and does nothing else', () => {
  /**
   * Sends it away `count` times after its welcome.
   *
   * @returns the pauses before the next dial, in milliseconds.
   */
  function pauses(count: number, sendAway: (bench: LinkFixture, nowMs: number) => void): number[] {
    const bench = new LinkFixture();
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
    const bench = new LinkFixture();
    for (const nowMs of [0, 438, 876, 1_314]) {
      bench.connect(nowMs).feed({ kind: 'link-down', reason: 'cut' }, nowMs + 400);
      assert.equal(bench.wakeMs, nowMs + 437.5);
      bench.feed({ kind: 'timer' }, nowMs + 438);
    }
  });

  it('one that restarts is met again at once after a link that stood for longer than the pause', () => {
    const bench = new LinkFixture();
    bench.connect(0).feed({ kind: 'link-down', reason: 'cut' }, 10).feed({ kind: 'timer' }, 50);
    bench.connect(50).feed({ kind: 'link-down', reason: 'cut' }, 60).feed({ kind: 'timer' }, 140);
    // The next pause would be one of at most 200 ms.
    bench.connect(140).feed({ kind: 'link-down', reason: 'cut' }, 340);
    assert.equal(bench.wakeMs, 340 + 37.5);
  });
});

const resumed = (from: number): ServerFrame => ({
  kind: 'resumed',
  session: 0,
  epoch: 0,
  from,
  tokens: Int32Array.of(5),
  logprobs: null,
});

describe('dials in a minute', () => {
  const drain: ServerFrame = {
    kind: 'drain',
    retryAfterMs: 0,
    alternatives: Array.from({ length: 8 }, () => 'ws://localhost:1/'),
  };

  /**
   * With the pauses that ship, each as short as chance makes it.
   *
   * @param meet returns how long the link stands.
   */
  function dialCount(bench: LinkFixture, meet: (nowMs: number) => number): number {
    let count = 0;
    for (let nowMs = 0; nowMs < 60_000; count++) {
      bench.connect(nowMs);
      nowMs += meet(nowMs);
      bench.feed({ kind: 'link-down', reason: 'closed' }, nowMs);
      while (bench.count('dial') === 0) {
        nowMs += 5;
        bench.feed({ kind: 'timer' }, nowMs);
      }
    }
    return count;
  }
  const shipped = { backoffMinMs: 250, backoffMaxMs: 10_000, chance: () => 0 };

  it('are few where a server hangs up after each welcome', () => {
    const bench = new LinkFixture(shipped);
    const count = dialCount(bench, () => 0);
    assert.ok(count < 20, `${count} dials`);
  });

  it('are few where it names itself as another server first', () => {
    const bench = new LinkFixture(shipped);
    const count = dialCount(bench, (nowMs) => {
      bench.hear(drain, nowMs);
      return 0;
    });
    assert.ok(count < 30, `${count} dials`);
  });

  it('are at most four a second, however long its links stand', () => {
    for (const isDraining of [false, true]) {
      for (const standsMs of [1, 10, 100, 249, 250, 251, 500, 1_000, 2_000, 5_000]) {
        const bench = new LinkFixture(shipped);
        const count = dialCount(bench, (nowMs) => {
          if (isDraining) bench.hear(drain, nowMs);
          return standsMs;
        });
        assert.ok(count <= 240, `${count} dials where links stand for ${standsMs} ms`);
      }
    }
  });

  it('are at most eight a second where each link brings an answer a token further', () => {
    const bench = new LinkFixture(shipped).ask({ mode: 'stream', tokensMax: 10_000 });
    let length = 3;
    const count = dialCount(bench, (nowMs) => {
      bench.hear(nowMs === 0 ? opened() : resumed(length++), nowMs).hear(drain, nowMs);
      return 0;
    });
    assert.ok(length > 300, `${length} tokens`);
    assert.ok(count <= 480 + 8, `${count} dials`);
  });
});

describe('an answer of a server that hangs up after each welcome', () => {
  it('fails as if the server were away, and not before', () => {
    const bench = new LinkFixture({ awayMaxMs: 2_000 }).connect().ask();
    let failedMs = Infinity;
    let nowMs = 100;
    while (failedMs === Infinity && nowMs < 60_000) {
      bench.feed({ kind: 'link-down', reason: 'closed' }, nowMs);
      while (bench.count('dial') + bench.count('failed') === 0) {
        nowMs += 10;
        bench.feed({ kind: 'timer' }, nowMs);
      }
      if (bench.count('failed') > 0) failedMs = nowMs;
      else bench.connect(nowMs);
    }
    assert.ok(failedMs >= 2_100 && failedMs < 2_500, `${failedMs} ms`);
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
    new LinkFixture({ awayMaxMs: 60_000 }).connect().ask().hear(busyFor(retryAfterMs));

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
