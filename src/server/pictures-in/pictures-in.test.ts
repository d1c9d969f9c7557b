// Checks what bounds the pictures of Opens in time and memory, with a clock and bounds of the test.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { PilotfishError } from '../../base/error.js';
import type { PicturesWanted } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import type { PreparedOpen } from '../core/prepared-open.js';
import type { PreparedPicture } from '../preparation/prepared-picture.js';
import { stallMs } from './picture-arrival.js';
import { openWith, refOf } from './picture-device.suite.js';
import { cutMs, PictureUploads, type UploadBounds } from './picture-uploads.js';
import { PicturesIn } from './pictures-in.js';

const prepared: PreparedOpen = { prompt: Int32Array.of(1), format: null };
const version = 5;
const fileOf = (length: number, seed = 0): Uint8Array => new Uint8Array(length).fill(seed);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A connection whose Opens are prepared at once. */
class Line {
  readonly wanted: PicturesWanted[] = [];
  readonly claims: number[] = [];
  seen: readonly PreparedPicture[] = [];
  readonly pictures: PicturesIn;

  /** @param known names of pictures that need no bytes. */
  constructor(uploads: PictureUploads, known: readonly string[] = [], key: string | null = null) {
    this.pictures = new PicturesIn({
      ...{ uploads, key, want: (frame) => this.wanted.push(frame) },
      eyes: {
        claim: (name) => (known.includes(name) ? this.claims.push(1) : null),
        release: () => this.claims.pop(),
      },
    });
  }

  async open(session: number, files: readonly Uint8Array[]): Promise<string> {
    const refs = files.map((file) => refOf(file));
    const made = await this.pictures.prepare(openWith(refs, { session }), null, version, (seen) => {
      this.seen = seen;
      return prepared;
    });
    return made.prompt instanceof PilotfishError
      ? `${made.prompt.code}: ${made.prompt.message}`
      : 'prepared';
  }

  send(session: number, file: Uint8Array, from = 0, to = file.length, index = 0): void {
    const data = file.subarray(from, to);
    this.pictures.take({ kind: 'picture-part', session, index, offset: from, data });
  }
}

function bench(t: TestContext, bounds: UploadBounds = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const uploads = new PictureUploads(bounds);
  return { uploads, line: (known?: string[], key?: string) => new Line(uploads, known, key) };
}

describe('the pictures of an Open', () => {
  it('are given up when nothing has come of them for 30 s', async (t) => {
    const { uploads, line } = bench(t);
    const one = line();
    const file = fileOf(1000);
    const made = one.open(0, [file]);
    t.mock.timers.tick(stallMs - 1);
    one.send(0, file, 0, 10);
    t.mock.timers.tick(stallMs - 1);
    one.send(0, file, 10, 20);
    t.mock.timers.tick(stallMs);
    assert.match(await made, /^picture-invalid: picture 0 stands at 20 of 1000 bytes for 30000 ms/);
    assert.ok(uploads.bytes > 0);
    t.mock.timers.tick(cutMs - 1);
    assert.ok(uploads.bytes > 0);
    t.mock.timers.tick(1);
    assert.equal(uploads.bytes, 0);
  });

  it('that stall in one session are asked of another that waits for them', async (t) => {
    const { line } = bench(t);
    const [one, other] = [line(), line()];
    const file = fileOf(1000);
    const made = one.open(0, [file]);
    one.send(0, file, 0, 10);
    t.mock.timers.tick(stallMs / 2);
    const second = other.open(0, [file]);
    t.mock.timers.tick(stallMs / 2);
    assert.match(await made, /^picture-invalid/);
    assert.deepEqual(other.wanted.at(-1)?.wanted, [{ index: 0, offset: 10 }]);
    t.mock.timers.tick(stallMs - 1);
    other.send(0, file, 10);
    assert.equal(await second, 'prepared');
  });

  it('are claimed until they are prepared, and released once whatever happens', async (t) => {
    const { uploads, line } = bench(t);
    const [known, file] = [fileOf(10, 1), fileOf(20, 2)];
    const name = Buffer.from(refOf(known).hash).toString('base64');
    const one = line([name]);
    const made = one.open(0, [known, file]);
    assert.equal(one.claims.length, 1);
    one.send(0, file, 0, 20, 1);
    assert.equal(await made, 'prepared');
    assert.deepEqual(
      one.seen.map(({ bytes }) => 'name' in bytes && bytes.bytes?.length),
      [undefined, 20],
    );
    const cancelled = one.open(1, [known, file]);
    one.pictures.cancel(1);
    assert.match(await cancelled, /cancelled/);
    const lost = one.open(2, [known, file]);
    one.pictures.end();
    assert.match(await lost, /gone/);
    assert.equal(one.claims.length, 0);
    assert.equal(uploads.bytes, 0);
  });

  it('are found in uploads of the own key alone', async (t) => {
    const { line } = bench(t);
    const file = fileOf(100);
    const [one, stranger] = [line([], 'a'), line([], 'b')];
    void one.open(0, [file]);
    one.send(0, file, 0, 60);
    one.pictures.end();
    void stranger.open(0, [file]);
    assert.deepEqual(stranger.wanted[0]?.wanted, [{ index: 0, offset: 0 }]);
    const back = line([], 'a');
    void back.open(0, [file]);
    assert.deepEqual(back.wanted[0]?.wanted, [{ index: 0, offset: 60 }]);
  });

  it('are refused where no letter begins or ends, before any byte', async (t) => {
    const { line } = bench(t);
    const one = line();
    const prompt = { kind: 'messages', messages: [{ role: 'user', content: 'aß€😀' }] } as const;
    const ref = refOf(fileOf(1));
    for (const [at, units] of [
      [0, 0],
      [1, 1],
      [3, 2],
      [6, 3],
      [10, 5],
    ] as const) {
      const known = line([Buffer.from(ref.hash).toString('base64')]);
      await known.pictures.prepare(
        openWith([{ ...ref, at }], { prompt }),
        null,
        version,
        (seen) => {
          assert.equal(seen[0]?.at, units);
          return prepared;
        },
      );
    }
    for (const at of [2, 4, 5, 7, 11, 2 ** 32 - 1]) {
      const made = one.pictures.prepare(
        openWith([{ ...ref, at }], { prompt }),
        null,
        version,
        () => prepared,
      );
      assert.ok(!(made instanceof Promise) && made.prompt instanceof PilotfishError);
      assert.equal(made.prompt.code, 'picture-invalid');
    }
    assert.deepEqual(one.wanted, []);
  });
});

describe('the memory of pictures', () => {
  it('is taken by what has come, and by what was announced', async (t) => {
    const { uploads, line } = bench(t);
    const one = line();
    const length = limits.pictureBytes.value;
    const file = fileOf(length);
    void one.open(0, [file]);
    assert.equal(uploads.bytes, 0);
    for (let from = 0; from < length / 2; from += 4096) {
      one.send(0, file, from, from + 4096);
      assert.ok(uploads.bytes <= Math.max(65536, 2 * (from + 4096)), `${uploads.bytes} at ${from}`);
    }
    one.pictures.end();
    assert.ok(uploads.bytes > 0);
    uploads.close();
    assert.equal(uploads.bytes, 0);
  });

  it('is bounded for all: the connection that holds most lets go', async (t) => {
    const bytesMax = 250_000;
    const { uploads, line } = bench(t, { bytesMax, cutBytesMax: 0 });
    const [small, large] = [line(), line()];
    const [file, other, third] = [fileOf(400_000, 1), fileOf(400_000, 2), fileOf(400_000, 3)];
    const kept = small.open(0, [file]);
    small.send(0, file, 0, 100_000);
    const cut = [large.open(0, [other]), large.open(1, [third])];
    large.send(0, other, 0, 150_000);
    large.send(1, third, 0, 60_000);
    large.send(1, third, 60_000, 150_000);
    for (const made of cut) assert.match(await made, /^server-busy: .*has most/);
    assert.ok(uploads.bytes > 0 && uploads.bytes <= 100_000, `${uploads.bytes}`);
    // It may come again, and the other one is not touched.
    const again = large.open(2, [fileOf(1000, 4)]);
    large.send(2, fileOf(1000, 4));
    assert.equal(await again, 'prepared');
    for (let from = 100_000; from < 300_000; from += 100_000) {
      small.send(0, file, from, from + 100_000);
    }
    small.send(0, file, 300_000);
    assert.match(await kept, /^server-busy/, 'alone it is beyond the bound');
    assert.equal(uploads.bytes, 0);
  });

  it('of cut uploads is bounded too: the oldest go, and none comes back beyond the bound', async (t) => {
    const { uploads, line } = bench(t, { cutBytesMax: 200_000, bytesMax: 100_000 });
    const files = [1, 2, 3].map((seed) => fileOf(90_000, seed));
    for (const [session, file] of files.entries()) {
      const one = line();
      void one.open(session, [file]);
      one.send(session, file, 0, 80_000);
      one.pictures.end();
    }
    assert.ok(uploads.bytes <= 200_000 && uploads.bytes >= 160_000, `${uploads.bytes}`);
    const back = line();
    const all = back.open(9, files);
    assert.deepEqual(
      back.wanted.at(-1)?.wanted.map(({ offset }) => offset),
      [0, 80_000, 80_000],
    );
    const [first] = files;
    back.send(9, first!, 0, 70_000);
    assert.match(await all, /^server-busy/);
  });

  it('of a file that was false under its name is given back at once, and others ask again', async (t) => {
    const { uploads, line } = bench(t);
    const [one, other] = [line(), line()];
    const file = fileOf(1000, 5);
    const lied = one.open(0, [file]);
    const waited = other.open(0, [file]);
    one.send(0, fileOf(1000, 6));
    assert.match(await lied, /^picture-invalid: .*another SHA-256/);
    assert.match(await waited, /^server-busy/);
    await settled();
    assert.equal(uploads.bytes, 0);
    const again = other.open(1, [file]);
    assert.deepEqual(other.wanted.at(-1)?.wanted, [{ index: 0, offset: 0 }]);
    other.send(1, file);
    assert.equal(await again, 'prepared');
  });
});
