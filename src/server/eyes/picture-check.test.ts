// Tests that large pictures are checked on another thread, with the result of a check here.

import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { drawn } from '../../pictures/drawn.suite.js';
import { pictureLimits } from '../../pictures/picture.js';
import { readPictureHeader } from '../../pictures/picture-header.js';
import { png } from '../../pictures/png-writer.js';
import { PictureCheck } from './picture-check.js';

const check = new PictureCheck();
after(() => check.close());

it('a large picture is checked elsewhere, with the same result', async () => {
  const noise = Uint8Array.from(
    { length: 600 * 400 * 3 },
    (_, at) => Math.imul(at, 2654435761) >>> 24,
  );
  const { default: sharp } = await import('sharp');
  const raw = { width: 600, height: 400, channels: 3 } as const;
  const photo = await sharp(noise, { raw }).jpeg({ quality: 95 }).toBuffer();
  assert.ok(photo.length > 2 ** 17, `${photo.length}`);
  const small = await drawn(20, 10).webp().toBuffer();
  for (const file of [photo, small, png({})]) {
    assert.deepEqual(await check.headerOf(file), readPictureHeader(file));
  }
  const cut = photo.subarray(0, -2);
  await assert.rejects(check.headerOf(cut), { code: 'picture-invalid', message: /too early/ });
  const [one, other] = await Promise.all([check.headerOf(photo), check.headerOf(photo)]);
  assert.deepEqual(one, other);
});

it('a picture that is made to be read slowly holds the caller up for none of it', async () => {
  const segment = (marker: number, ...data: number[]): Buffer =>
    Buffer.from([0xff, marker, 0, data.length + 2, ...data]);
  const coded = Buffer.alloc(pictureLimits.bytes - 100);
  for (let at = 0; at < coded.length; at += 2) coded[at] = 0xff;
  const file = Buffer.concat([
    Buffer.of(0xff, 0xd8),
    segment(0xc0, 8, 0, 16, 0, 16, 1, 1, 0x11, 0),
    segment(0xda, 1, 1, 0, 0, 63, 0),
    coded,
    Buffer.of(0xff, 0xd9),
  ]);
  await check.headerOf(file);
  const used = performance.eventLoopUtilization();
  const { width, height } = await check.headerOf(file);
  const { active } = performance.eventLoopUtilization(used);
  assert.deepEqual([width, height], [16, 16]);
  const startedMs = performance.now();
  readPictureHeader(file);
  const hereMs = performance.now() - startedMs;
  assert.ok(active < hereMs / 2, `${active} ms here, of ${hereMs}`);
});

it('a picture beyond the limit is refused at once', async () => {
  const huge = new Uint8Array(pictureLimits.bytes + 1);
  await assert.rejects(check.headerOf(huge), { code: 'picture-too-large' });
});
