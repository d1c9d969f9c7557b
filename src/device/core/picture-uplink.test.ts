// Checks what a device core sends of pictures, over a link that is a plain object: references, parts
// that follow or are wanted, flights, another connection, another server, and what drafters see.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Open, Opened, PicturePart, Welcome } from '../../protocol/frame.js';
import type { DeviceEffect, GenerateRequest, RequestPicture } from './event.js';
import { LinkFixture, opened, request, verdict, welcome } from './link-fixture.suite.js';

const seeing: Welcome = { ...welcome, version: 5, seesPictures: true };
const messages = [{ role: 'user', content: 'where is the ball?' }];

function picture(byteCount: number, fill = 1): RequestPicture {
  const bytes = new Uint8Array(byteCount).fill(fill);
  return { hash: new Uint8Array(32).fill(fill), message: 0, at: 6, bytes };
}

const about = (...pictures: RequestPicture[]): Partial<GenerateRequest> => ({
  prompt: { kind: 'messages', messages },
  pictures,
  mode: 'pipeline',
  tokensMax: 30,
});

function met(said: Welcome = seeing, nowMs = 0): LinkFixture {
  return new LinkFixture().feed({ kind: 'link-up' }, nowMs).hear(said, nowMs);
}

/** The pong of the newest ping. */
function answerPing(bench: LinkFixture, nowMs: number): LinkFixture {
  const ping = bench.sent.findLast(({ kind }) => kind === 'ping');
  assert.ok(ping?.kind === 'ping');
  return bench.hear({ kind: 'pong', nonce: ping.nonce }, nowMs);
}

const openOf = ({ sent }: LinkFixture): Open => {
  const open = sent.find(({ kind }) => kind === 'open');
  assert.ok(open?.kind === 'open');
  return open;
};
const partsOf = ({ sent }: LinkFixture): PicturePart[] =>
  sent.filter((frame): frame is PicturePart => frame.kind === 'picture-part');
const byteCount = (parts: readonly PicturePart[]): number =>
  parts.reduce((sum, { data }) => sum + data.length, 0);

/** Opened with an image of four ids behind the first word. */
const firstId = 2 ** 30 + 77;
const openedWith = (changes: Partial<Opened> = {}): Opened => ({
  ...(opened() as Opened),
  promptLength: 7,
  promptIds: Int32Array.of(2, 0, 0, 0, 0, 3, 5),
  images: [{ from: 1, count: 4, firstId }],
  ...changes,
});
const failureOf = ({ effects }: LinkFixture): string | null => {
  const failed = effects.find(({ kind }) => kind === 'failed');
  return failed?.kind === 'failed' ? `${failed.error.code}: ${failed.error.message}` : null;
};

describe('an Open with pictures', () => {
  it('references them, and small ones follow it unasked', () => {
    const bench = met().ask(about(picture(20_000), picture(30_000, 2)));
    const { pictures, picturesFollow, prompt } = openOf(bench);
    assert.equal(picturesFollow, true);
    assert.deepEqual(prompt, { kind: 'messages', messages });
    assert.deepEqual(
      pictures.map(({ bytes, message, at, tokens }) => [bytes, message, at, tokens]),
      [
        [20_000, 0, 6, 0],
        [30_000, 0, 6, 0],
      ],
    );
    const parts = partsOf(bench);
    assert.deepEqual(
      [0, 1].map((wanted) => byteCount(parts.filter(({ index }) => index === wanted))),
      [20_000, 30_000],
    );
    for (const { data } of parts) assert.ok(data.length <= 16_384);
  });

  it('waits until larger ones are wanted, and sends them from there on', () => {
    const bench = met().ask(about(picture(70_000)));
    assert.equal(openOf(bench).picturesFollow, false);
    assert.equal(partsOf(bench).length, 0);
    bench.hear({ kind: 'pictures-wanted', session: 0, wanted: [{ index: 0, offset: 60_000 }] }, 5);
    assert.deepEqual(
      partsOf(bench).map(({ offset, data }) => [offset, data.length]),
      [[60_000, 10_000]],
    );
  });

  it('only references a picture that this connection has sent', () => {
    const bench = met()
      .ask(about(picture(100)))
      .hear(openedWith());
    bench.feed({ kind: 'generate', answer: 1, request: requestWith(picture(100)) });
    assert.equal(openOf(bench).picturesFollow, false);
    assert.equal(partsOf(bench).length, 0);
    assert.equal(openOf(bench).pictures[0]!.bytes, 100);
  });

  it('is refused where the server takes none, or is too old for them', () => {
    const why = /^picture-unseen: the model toy of the server takes no pictures$/;
    assert.match(
      failureOf(met({ ...seeing, seesPictures: false }).ask(about(picture(9)))) ?? '',
      why,
    );
    assert.match(failureOf(met({ ...seeing, version: 4 }).ask(about(picture(9)))) ?? '', why);
  });
});

const requestWith = (...pictures: RequestPicture[]): GenerateRequest => ({
  ...({ sampling: request.sampling, seed: 1n, scheme: 'coupled' } as const),
  ...({ windowMax: 32, cut: null, fallback: 'wait', stopRule: request.stopRule } as const),
  ...(about(...pictures) as Required<Pick<GenerateRequest, 'prompt' | 'mode' | 'tokensMax'>>),
  pictures,
});

describe('an upload', () => {
  const wish = (session = 0) =>
    ({ kind: 'pictures-wanted', session, wanted: [{ index: 0, offset: 0 }] }) as const;

  it('goes in flights, each after the pong of the one before, longer on a fast link', () => {
    const bench = answerPing(met(), 10)
      .ask(about(picture(1_000_000)))
      .hear(wish(), 20);
    const sizes: number[] = [];
    for (let nowMs = 20; partsOf(bench).length > 0; nowMs += 10) {
      sizes.push(byteCount(partsOf(bench)));
      assert.equal(bench.feed({ kind: 'timer' }, nowMs).sent.length, 0, 'a flight is out');
      // Only the answer to its own ping lets the next go.
      assert.equal(partsOf(bench.hear({ kind: 'pong', nonce: 2 ** 31 }, nowMs)).length, 0);
      bench.hear({ kind: 'pong', nonce: 2 ** 31 + sizes.length }, nowMs + 10);
    }
    assert.deepEqual(sizes.slice(0, 5), [16_384, 32_768, 65_536, 131_072, 262_144]);
    assert.equal(
      sizes.reduce((sum, size) => sum + size),
      1_000_000,
    );
  });

  it('never holds a slow link for more than a flight', () => {
    const bench = answerPing(met(), 10)
      .ask(about(picture(1_000_000)))
      .hear(wish(), 20);
    for (let count = 1, nowMs = 20; count <= 8; count++) {
      assert.ok(byteCount(partsOf(bench)) <= 16_384);
      nowMs += 800;
      bench.hear({ kind: 'pong', nonce: 2 ** 31 + count }, nowMs);
    }
  });

  it('takes turns with others', () => {
    const bench = answerPing(met(), 10).ask(about(picture(500_000)));
    bench.feed({ kind: 'generate', answer: 1, request: requestWith(picture(90_000, 2)) });
    bench.hear(wish(0), 20).hear(wish(1), 21);
    const order: number[] = [];
    for (let count = 1; count <= 4; count++) {
      bench.hear({ kind: 'pong', nonce: 2 ** 31 + count }, 20 + 10 * count);
      order.push(...partsOf(bench).map(({ session }) => session));
    }
    for (let at = 1; at < 6; at++) assert.notEqual(order[at], order[at - 1], `${order}`);
  });

  it('ends with its answer, and where the server turns out to have the picture', () => {
    const cancelled = answerPing(met(), 10)
      .ask(about(picture(500_000)))
      .hear(wish(), 20);
    cancelled.feed({ kind: 'cancel', answer: 0 }, 25);
    assert.equal(partsOf(cancelled.hear({ kind: 'pong', nonce: 2 ** 31 + 1 }, 30)).length, 0);
    const known = answerPing(met(), 10)
      .ask(about(picture(500_000)))
      .hear(wish(), 20);
    known.hear(openedWith(), 25);
    assert.equal(partsOf(known.hear({ kind: 'pong', nonce: 2 ** 31 + 1 }, 30)).length, 0);
  });

  it('goes on over another connection from where the server has it', () => {
    const bench = answerPing(met(), 10)
      .ask(about(picture(500_000)))
      .hear(wish(), 20);
    bench.feed({ kind: 'link-down', reason: 'cut' }, 30).feed({ kind: 'timer' }, 80);
    bench.feed({ kind: 'link-up' }, 90).hear(seeing, 95);
    assert.equal(openOf(bench).pictures[0]!.bytes, 500_000);
    assert.equal(partsOf(bench).length, 0);
    bench.hear({ kind: 'pictures-wanted', session: 0, wanted: [{ index: 0, offset: 16_384 }] }, 99);
    assert.equal(partsOf(bench)[0]!.offset, 16_384);
  });

  it('is refused for pictures or places that the prompt has not', () => {
    for (const want of [
      { index: 1, offset: 0 },
      { index: 0, offset: 500_000 },
    ]) {
      const bench = met().ask(about(picture(500_000)));
      bench.hear({ kind: 'pictures-wanted', session: 0, wanted: [want] }, 5);
      assert.match(failureOf(bench) ?? '', /^protocol-violated: .*a wish for picture/);
    }
    const bench = met().ask();
    bench.hear({ kind: 'pictures-wanted', session: 0, wanted: [{ index: 0, offset: 0 }] }, 5);
    assert.match(failureOf(bench) ?? '', /^protocol-violated/);
  });
});

describe('a text behind an image', () => {
  const starts = ({ effects }: LinkFixture) =>
    effects.filter(
      (effect): effect is DeviceEffect & { kind: 'draft-start' } => effect.kind === 'draft-start',
    );

  it('is drafted from its words, at positions that count the image', () => {
    const bench = met()
      .ask(about(picture(9)))
      .hear(openedWith());
    const open = bench.effects.find(({ kind }) => kind === 'draft-open');
    assert.ok(open?.kind === 'draft-open');
    assert.deepEqual([open.config.promptLength, open.config.absentCount], [3, 4]);
    assert.deepEqual(starts(bench)[0]!.sequences[0]!.tokens, Int32Array.of(2, 3, 5));
    bench.draft(7, 6);
    const [draft] = bench.sent.filter(({ kind }) => kind === 'draft');
    assert.ok(draft?.kind === 'draft');
    assert.deepEqual([draft.from, [...draft.ids]], [7, [6]]);
    // The target goes another way.
    bench.hear(verdict({ from: 7, tokens: Int32Array.of(8), rejectedCount: 1 }), 9);
    const { from, tokens } = starts(bench).at(-1)!.sequences[0]!;
    assert.deepEqual([from, [...tokens]], [3, [8]]);
  });

  it('needs no picture to be resumed, and goes on elsewhere with ids in place of images', () => {
    const bench = met()
      .ask(about(picture(9)))
      .hear(openedWith());
    bench.hear(verdict({ from: 7, tokens: Int32Array.of(8) }), 5);
    bench.feed({ kind: 'link-down', reason: 'cut' }, 10).feed({ kind: 'timer' }, 80);
    bench.feed({ kind: 'link-up' }, 90).hear(seeing, 95);
    const resume = bench.sent.find(({ kind }) => kind === 'resume');
    assert.ok(resume?.kind === 'resume');
    assert.equal(partsOf(bench).length, 0);
    const failure = { kind: 'failure', session: 0, code: 'resume-refused' } as const;
    bench.hear({ ...failure, message: 'gone', retryAfterMs: 0, vocabulary: null } as never, 99);
    const { prompt, answer, pictures, picturesFollow } = openOf(bench);
    assert.ok(prompt.kind === 'ids');
    assert.deepEqual([...prompt.ids], [2, 0, 0, 0, 0, 3, 5]);
    assert.deepEqual([...answer], [8]);
    assert.deepEqual([pictures[0]!.at, pictures[0]!.tokens, pictures[0]!.message], [1, 4, 0]);
    assert.equal(picturesFollow, true);
    // This server has other ids for the image, and the next resumption tells these.
    const other = { from: 1, count: 4, firstId: firstId + 100 };
    const at = { session: 1, promptIds: new Int32Array(0) };
    bench.hear(openedWith({ ...at, images: [other] }), 100);
    assert.equal(failureOf(bench), null);
    bench.feed({ kind: 'link-down', reason: 'cut' }, 110).feed({ kind: 'timer' }, 500);
    bench.feed({ kind: 'link-up' }, 510).hear(seeing, 515);
    const again = bench.sent.find(({ kind }) => kind === 'resume');
    assert.ok(again?.kind === 'resume');
    assert.notDeepEqual(again.logHash, resume.logHash);
  });

  it('fails where images come that nobody sent, or at other places than before', () => {
    const sentNone = met()
      .ask({ prompt: { kind: 'messages', messages } })
      .hear(openedWith());
    assert.match(failureOf(sentNone) ?? '', /1 images in a prompt without pictures/);
    const bench = met()
      .ask(about(picture(9)))
      .hear(openedWith());
    bench.feed({ kind: 'link-down', reason: 'cut' }, 10).feed({ kind: 'timer' }, 80);
    bench.feed({ kind: 'link-up' }, 90).hear(seeing, 95);
    const failure = { kind: 'failure', session: 0, code: 'resume-refused' } as const;
    bench.hear({ ...failure, message: 'gone', retryAfterMs: 0, vocabulary: null } as never, 99);
    const at = { session: 1, promptIds: new Int32Array(0) };
    bench.hear(openedWith({ ...at, images: [{ from: 2, count: 4, firstId }] }), 100);
    assert.match(failureOf(bench) ?? '', /images of other places: 4 at 2, not 4 at 1/);
  });
});
