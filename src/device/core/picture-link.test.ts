// Checks how many bytes of pictures a core lets be on their way, over a link that is an object: a
// slow link is never held up for long, nor ended by a ping that waits behind them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PicturePart, Welcome } from '../../protocol/frame.js';
import type { GenerateRequest } from './event.js';
import { LinkFixture, opened, settings, welcome } from './link-fixture.suite.js';

const seeing: Welcome = { ...welcome, version: 5, seesPictures: true };
const about = (byteCount: number, fill = 1): Partial<GenerateRequest> => ({
  prompt: { kind: 'messages', messages: [{ role: 'user', content: 'where is it?' }] },
  pictures: [
    {
      hash: new Uint8Array(32).fill(fill),
      bytes: new Uint8Array(byteCount).fill(fill),
      ...{ message: 0, at: 0 },
    },
  ],
});
const whole = [{ index: 0, offset: 0 }];

/** An upload over a link of this speed. @returns the longest wait of a byte, and how it ended. */
function upload(byteCount: number, bytesPerMs: number, roundTripMs: number) {
  const bench = new LinkFixture().feed({ kind: 'link-up' });
  let [nowMs, freeMs, longestMs, sentBytes, hangUps] = [0, 0, 0, 0, 0];
  /** Pongs that are on their way. */
  const pongs: { readonly atMs: number; readonly nonce: number }[] = [];
  const follow = (): void => {
    for (const effect of bench.effects) {
      if (effect.kind === 'hang-up') hangUps++;
      if (effect.kind !== 'send') continue;
      const { frame } = effect;
      if (frame.kind === 'picture-part') {
        sentBytes += frame.data.length;
        freeMs = Math.max(freeMs, nowMs) + frame.data.length / bytesPerMs;
        longestMs = Math.max(longestMs, freeMs - nowMs);
      }
      if (frame.kind === 'ping') {
        pongs.push({ atMs: Math.max(freeMs, nowMs) + roundTripMs, nonce: frame.nonce });
      }
    }
  };
  const step = (feed: () => void): void => {
    feed();
    follow();
  };
  step(() => bench.hear(seeing, nowMs));
  const pong = (): void => {
    const next = pongs.shift()!;
    nowMs = Math.max(nowMs, next.atMs);
    step(() => bench.hear({ kind: 'pong', nonce: next.nonce }, nowMs));
  };
  pong();
  step(() => bench.ask(about(byteCount)));
  step(() => bench.hear({ kind: 'pictures-wanted', session: 0, wanted: whole }, nowMs));
  while (sentBytes < byteCount && hangUps === 0) {
    const dueMs = bench.wakeMs ?? Infinity;
    const pongMs = pongs[0]?.atMs ?? Infinity;
    assert.ok(Math.min(dueMs, pongMs) < Infinity, `stuck after ${sentBytes} bytes`);
    if (pongMs <= dueMs) pong();
    else {
      nowMs = Math.max(nowMs, dueMs);
      step(() => bench.feed({ kind: 'timer' }, nowMs));
    }
  }
  return { longestMs, hangUps, tookMs: freeMs };
}

describe('pictures on their way', () => {
  it('hold a slow link up for a few round trips at most, and no ping times out behind them', () => {
    const { longestMs, hangUps } = upload(1_000_000, 40, 20);
    assert.equal(hangUps, 0);
    assert.ok(longestMs <= (64 * 1024) / 40 + 410, `${longestMs} ms`);
    assert.ok(longestMs < settings.linkTimeoutMs);
  });

  it('fill a fast link', () => {
    const { tookMs } = upload(8_000_000, 10_000, 50);
    assert.ok(tookMs < 2_000, `${tookMs} ms where the bytes alone take 800`);
  });

  it('go on from where the server has them after a link is lost in their middle', () => {
    const bench = new LinkFixture().feed({ kind: 'link-up' }).hear(seeing);
    const parts = () =>
      bench.sent.filter((frame): frame is PicturePart => frame.kind === 'picture-part');
    const open = () => bench.sent.find((frame) => frame.kind === 'open');
    // Small enough to follow its Open, and cut before all of it was answered.
    bench.ask(about(60_000));
    assert.ok(open()?.kind === 'open' && parts().length > 1);
    bench.feed({ kind: 'link-down', reason: 'cut' }, 10).feed({ kind: 'timer' }, 100);
    bench.feed({ kind: 'link-up' }, 110).hear(seeing, 120);
    const again = open();
    assert.ok(again?.kind === 'open');
    assert.deepEqual([again.picturesFollow, again.pictures.length, parts().length], [false, 1, 0]);
    const wanted = [{ index: 0, offset: 32_768 }];
    bench.hear({ kind: 'pictures-wanted', session: 0, wanted }, 130);
    assert.equal(parts()[0]!.offset, 32_768);
    assert.equal(
      parts().reduce((sum, { data }) => sum + data.length, 0),
      60_000 - 32_768,
    );
  });

  it('are known to have arrived when the session opens, so that the next are not held up', () => {
    const bench = new LinkFixture().feed({ kind: 'link-up' }).hear(seeing);
    const partsIn = () =>
      bench.sent
        .filter((frame): frame is PicturePart => frame.kind === 'picture-part')
        .reduce((sum, { data }) => sum + data.length, 0);
    for (let fill = 1; fill <= 8; fill++) {
      bench.ask(about(60_000, fill));
      assert.equal(partsIn(), 60_000, `picture ${fill}`);
      const promptIds = Int32Array.of(2, 0, 5);
      const images = [{ from: 1, count: 1, firstId: 2 ** 30 + fill }];
      bench.hear({ ...opened(fill - 1), promptIds, images } as never, fill);
      bench.feed({ kind: 'cancel', answer: 0 }, fill);
    }
  });
});

describe('a drafter', () => {
  const openedOf = (promptIds: readonly number[], from: number, count: number) =>
    ({
      ...opened(),
      ...{ promptLength: promptIds.length, promptIds: Int32Array.from(promptIds) },
      images: [{ from, count, firstId: 2 ** 30 }],
    }) as never;
  const drawing = (bench: LinkFixture) => {
    const start = bench.effects.find(({ kind }) => kind === 'draft-start');
    return start?.kind === 'draft-start' ? [...start.sequences[0]!.tokens] : null;
  };

  it('is not asked about a prompt without words', () => {
    const bench = new LinkFixture().feed({ kind: 'link-up' }).hear(seeing).ask(about(9));
    bench.hear(openedOf([0, 0, 0], 0, 3), 5);
    assert.equal(drawing(bench), null);
    assert.equal(bench.count('failed'), 0);
  });

  it('has room for as many words as its context holds, whatever the image takes', () => {
    const changes = { drafter: { contextLength: 4, sequencesMax: 1 } };
    const bench = new LinkFixture(changes).feed({ kind: 'link-up' }).hear(seeing);
    const open = { ...about(9), mode: 'pipeline', tokensMax: 30 } as const;
    bench.ask(open).hear(openedOf([2, 0, 0, 0, 0, 5], 1, 4), 5);
    assert.deepEqual(drawing(bench), [2, 5]);
  });
});
