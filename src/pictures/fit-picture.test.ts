// Checks what is sent of a picture: itself where it is small, else a smaller one of the same kind.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fitPicture } from './decode-picture.js';
import { drawn } from './drawn.suite.js';
import { readPictureHeader } from './picture-header.js';

describe('a picture for sending', () => {
  it('is sent as it is where it is small, or there is no sharp', async () => {
    const small = await drawn(64, 48).webp().toBuffer();
    assert.equal(await fitPicture(small, 64), small);
    const large = await drawn(65, 48).jpeg().toBuffer();
    const missing = () => {
      throw new Error('not installed');
    };
    assert.equal(await fitPicture(large, 64, missing), large);
  });

  it('is scaled down else: a PNG to a PNG, others to JPEG', async () => {
    const kinds = [
      ['png', 'png'],
      ['jpeg', 'jpeg'],
      ['webp', 'jpeg'],
    ] as const;
    for (const [kind, becomes] of kinds) {
      const sent = await fitPicture(await drawn(400, 200)[kind]().toBuffer(), 100);
      const { kind: sentKind, width, height } = readPictureHeader(sent);
      assert.deepEqual([sentKind, width, height], [becomes, 100, 50]);
    }
  });

  it('stands as its camera was held, without what that has noted', async () => {
    const turned = drawn(400, 200).withMetadata({ orientation: 6 }).jpeg();
    const sent = await fitPicture(await turned.toBuffer(), 100);
    const { width, height } = readPictureHeader(sent);
    assert.deepEqual([width, height], [50, 100]);
    assert.equal(Buffer.from(sent).includes('Exif'), false);
  });

  it('is refused where it is none, or cannot be decoded', async () => {
    await assert.rejects(fitPicture(Buffer.from('GIF89a'), 100), {
      code: 'picture-unsupported',
    });
    const bytes = Buffer.from(await drawn(400, 200).webp().toBuffer());
    bytes.fill(0xff, 60, bytes.length - 8);
    await assert.rejects(fitPicture(bytes, 100), { code: 'picture-invalid' });
  });
});
