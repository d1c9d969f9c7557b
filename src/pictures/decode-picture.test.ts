// Tests that pictures become their pixels, within bounds, and that a missing decoder says so.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PilotfishError } from '../base/error.js';
import { checkPictureDecoder, decodePicture } from './decode-picture.js';
import { drawn, gradient } from './drawn.suite.js';
import { png } from './png-writer.js';

// First: once it is loaded, sharp is never looked for again.
it('without sharp, a picture is refused with what to install', async () => {
  const missing = (): never => {
    throw new Error("Cannot find module 'sharp'");
  };
  await assert.rejects(decodePicture(png({}), 96, missing), (reason) => {
    assert.ok(reason instanceof PilotfishError);
    assert.equal(reason.code, 'picture-decoder-missing');
    assert.match(reason.message, /npm install sharp@\d+\.\d+\.\d+$/);
    return true;
  });
  assert.throws(() => checkPictureDecoder(missing), { code: 'picture-decoder-missing' });
  checkPictureDecoder();
});

describe('a decoded picture', () => {
  it('has the pixels that were drawn', async () => {
    for (const bytes of [
      await drawn(12, 9).png().toBuffer(),
      await drawn(12, 9).webp({ lossless: true }).toBuffer(),
    ]) {
      const { width, height, rgb } = await decodePicture(bytes, 96);
      assert.deepEqual([width, height], [12, 9]);
      assert.deepEqual(new Uint8Array(rgb), gradient(12, 9));
    }
  });

  it('is scaled down to fit, and never up', async () => {
    const bytes = await drawn(200, 100).jpeg().toBuffer();
    const { width, height, rgb } = await decodePicture(bytes, 50);
    assert.deepEqual([width, height, rgb.length], [50, 25, 50 * 25 * 3]);
    assert.equal((await decodePicture(bytes, 500)).width, 200);
  });

  it('is turned as the camera was held', async () => {
    const bytes = await drawn(20, 10).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { width, height } = await decodePicture(bytes, 96);
    assert.deepEqual([width, height], [10, 20]);
  });

  it('has three colours where the file has one, and white where it has none', async () => {
    const grey = await drawn(4, 4).greyscale().png().toBuffer();
    const { rgb } = await decodePicture(grey, 96);
    assert.equal(rgb.length, 4 * 4 * 3);
    assert.ok(rgb.every((value, index) => value === rgb[index - (index % 3)]));
    const clear = await drawn(4, 4).ensureAlpha(0).png().toBuffer();
    assert.ok((await decodePicture(clear, 96)).rgb.every((value) => value === 255));
  });

  it('is refused where its pixels do not match its header', async () => {
    const short = png({ width: 4000, height: 4000 });
    await assert.rejects(decodePicture(short, 96), { code: 'picture-invalid' });
  });
});
