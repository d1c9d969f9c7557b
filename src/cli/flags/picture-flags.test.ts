// Checks the files that --image names: what is read, scaled down and refused.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { drawn } from '../../pictures/drawn.suite.js';
import { pictureLimits } from '../../pictures/picture.js';
import { readPictureHeader } from '../../pictures/picture-header.js';
import { readPicture, readPictures } from './picture-flags.js';

describe('picture files', () => {
  let folder: string;
  let wide: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pilotfish-picture-'));
    wide = join(folder, 'wide.png');
    writeFileSync(wide, await drawn(300, 20).png().toBuffer());
  });
  after(() => rmSync(folder, { recursive: true }));

  it('are read in their order, and large ones are scaled down', async () => {
    const small = join(folder, 'small.jpg');
    const bytes = await drawn(30, 20).jpeg().toBuffer();
    writeFileSync(small, bytes);
    const [first, second] = await readPictures({ image: [wide, small], imageSide: 150 });
    assert.deepEqual(readPictureHeader(first!).width, 150);
    assert.deepEqual(Buffer.from(second!), bytes);
  });

  it('are refused with their names where they are missing, no pictures, or too large', async () => {
    await assert.rejects(readPicture(join(folder, 'none.png'), 64), {
      code: 'usage',
      message: /there is no picture .*none\.png/,
    });
    await assert.rejects(readPicture(folder, 64), { code: 'usage', message: /is a folder/ });
    const text = join(folder, 'text.png');
    writeFileSync(text, 'not a picture');
    await assert.rejects(readPicture(text, 64), {
      code: 'picture-unsupported',
      message: /text\.png: the picture/,
    });
    const empty = join(folder, 'empty.png');
    writeFileSync(empty, '');
    await assert.rejects(readPicture(empty, 64), { code: 'picture-invalid' });
    await assert.rejects(readPicture('/dev/zero', 64), {
      code: 'picture-too-large',
      message: new RegExp(`at most ${pictureLimits.bytes}`),
    });
    await assert.rejects(readPictures({ image: Array(9).fill(wide), imageSide: 64 }), {
      code: 'picture-too-large',
      message: /9 pictures are given; at most 8/,
    });
  });
});
