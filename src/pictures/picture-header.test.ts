// Tests that sound pictures are told apart by content, and that hostile ones are refused by their
// headers alone. Every hostile file is made here.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { PilotfishError } from '../base/error.js';
import { animation, changed, drawn } from './drawn.suite.js';
import { type PictureKind, pictureLimits } from './picture.js';
import { readPictureHeader } from './picture-header.js';
import { essentialPng } from './png-header.js';
import { png, pngBlock } from './png-writer.js';

const kinds = ['png', 'jpeg', 'webp'] as const satisfies readonly PictureKind[];
const sound = new Map<PictureKind, Buffer>();

before(async () => {
  for (const kind of kinds) sound.set(kind, await drawn(40, 30)[kind]().toBuffer());
});

/** Code and message of a refusal. */
function refusal(bytes: Uint8Array, label: string | null = null): string {
  try {
    readPictureHeader(bytes, label);
  } catch (reason) {
    assert.ok(reason instanceof PilotfishError, String(reason));
    return `${reason.code}: ${reason.message}`;
  }
  return 'taken';
}

describe('a sound picture', () => {
  for (const kind of kinds) {
    it(`of kind ${kind} is read, and no prefix of it is`, () => {
      const bytes = sound.get(kind)!;
      const header = { kind, width: 40, height: 30, end: bytes.length };
      assert.deepEqual(readPictureHeader(bytes), header);
      assert.deepEqual(readPictureHeader(bytes, `image/${kind}`), header);
      for (let end = 0; end < bytes.length; end++) {
        assert.match(refusal(bytes.subarray(0, end)), /^picture-(invalid|unsupported): /, `${end}`);
      }
    });
  }

  it('may be lossless, progressive, grey, transparent or have a palette', async () => {
    const made = [
      drawn(9, 7).webp({ lossless: true }),
      drawn(9, 7).jpeg({ progressive: true }),
      drawn(9, 7).greyscale().jpeg(),
      drawn(9, 7).ensureAlpha(0.5).png(),
      drawn(9, 7).ensureAlpha(0.5).webp(),
      drawn(9, 7).png({ palette: true }),
      drawn(9, 7).withMetadata({ orientation: 6 }).jpeg(),
    ];
    for (const picture of made) {
      const { width, height } = readPictureHeader(await picture.toBuffer());
      assert.deepEqual([width, height], [9, 7]);
    }
  });

  it('may be a photo with a film behind it, which is not part of it', () => {
    const bytes = sound.get('jpeg')!;
    const { end } = readPictureHeader(Buffer.concat([bytes, Buffer.from('ftypmp42')]));
    assert.equal(end, bytes.length);
  });
});

describe('a hostile picture', () => {
  const cases: Readonly<Record<string, () => [Uint8Array, RegExp]>> = {
    'with no bytes': () => [new Uint8Array(0), /^picture-invalid: .*has no bytes/],
    'of another kind': () => [Buffer.from('GIF89a-and-more'), /^picture-unsupported: .*no PNG/],
    'of too many bytes': () => [
      Buffer.alloc(pictureLimits.bytes + 1),
      /^picture-too-large: .*8388609 bytes; at most 8388608/,
    ],
    'that is a PNG bomb by its sides': () => [
      png({ width: 2 ** 31 - 1, height: 2 ** 31 - 1 }),
      /^picture-too-large: .*2147483647 x 2147483647/,
    ],
    'that is a PNG bomb by its area': () => [
      png({ width: 16_384, height: 16_384 }),
      /^picture-too-large/,
    ],
    'that is a JPEG bomb': () => [
      changed(sound.get('jpeg')!, (copy) => {
        copy.writeUInt32BE(0xffffffff, copy.indexOf(Buffer.from([0xff, 0xc0])) + 5);
      }),
      /^picture-too-large: .*65535 x 65535/,
    ],
    'that is a WebP bomb': () => [
      changed(sound.get('webp')!, (copy) => copy.writeUInt32LE(0x3fff3fff, 26)),
      /^picture-too-large: .*16383 x 16383/,
    ],
    'of no width': () => [png({ width: 0 }), /^picture-invalid: .*no pixels: it is 0 x 2/],
    'of no height, a JPEG': () => [
      changed(sound.get('jpeg')!, (copy) => {
        copy.writeUInt16BE(0, copy.indexOf(Buffer.from([0xff, 0xc0])) + 5);
      }),
      /^picture-invalid: .*40 x 0/,
    ],
    'of 16 bits': () => [png({ depth: 16 }), /^picture-unsupported: .*16 bits/],
    'of 12 bits, a JPEG': () => [
      changed(sound.get('jpeg')!, (copy) => {
        copy[copy.indexOf(Buffer.from([0xff, 0xc0])) + 4] = 12;
      }),
      /^picture-unsupported: .*12 bits/,
    ],
    'in arithmetic code': () => [
      changed(sound.get('jpeg')!, (copy) => {
        copy[copy.indexOf(Buffer.from([0xff, 0xc0])) + 1] = 0xc9;
      }),
      /^picture-unsupported: .*kind c9/,
    ],
    'that is an animated PNG': () => [
      png({ before: [pngBlock('acTL', new Uint8Array(8))] }),
      /^picture-unsupported: .*animated/,
    ],
    'with a wrong checksum': () => [
      changed(sound.get('png')!, (copy) => copy.writeUInt32BE(0, copy.length - 16)),
      /^picture-invalid: .*checksum/,
    ],
    'with an unknown block that must be understood': () => [
      png({ before: [pngBlock('EVIL', new Uint8Array(1))] }),
      /^picture-invalid: .*unknown block EVIL/,
    ],
    'with a palette that is none': () => [
      png({ colourType: 3, before: [pngBlock('PLTE', new Uint8Array(4))] }),
      /^picture-invalid: .*palette/,
    ],
    'without the palette that it needs': () => [
      png({ colourType: 3 }),
      /^picture-invalid: .*no palette/,
    ],
    'of many empty blocks': () => [
      png({
        before: Array.from({ length: pictureLimits.chunks }, () => pngBlock('teXt', Buffer.of())),
      }),
      /^picture-invalid: .*too many blocks/,
    ],
    'of many scans': () => {
      const bytes = sound.get('jpeg')!;
      const scan = bytes.subarray(bytes.indexOf(Buffer.from([0xff, 0xda])), bytes.length - 2);
      const more = Array.from({ length: pictureLimits.scans }, () => scan);
      return [
        Buffer.concat([bytes.subarray(0, -2), ...more, bytes.subarray(-2)]),
        /^picture-unsupported: .*more than 32 scans/,
      ];
    },
    'with other bytes behind a PNG': () => [
      Buffer.concat([sound.get('png')!, Buffer.from('<script>')]),
      /^picture-invalid: .*followed by 8 other bytes/,
    ],
    'with other bytes behind a WebP': () => [
      Buffer.concat([sound.get('webp')!, Buffer.from('<script>')]),
      /^picture-invalid: .*followed by 8 other bytes/,
    ],
  };
  for (const [name, make] of Object.entries(cases)) {
    it(`${name} is refused`, () => {
      const [bytes, expected] = make();
      assert.match(refusal(bytes), expected);
    });
  }

  it('with CMYK colours is refused', async () => {
    const cmyk = await drawn(9, 7).toColourspace('cmyk').jpeg().toBuffer();
    assert.match(refusal(cmyk), /^picture-unsupported: .*CMYK/);
  });

  it('that is an animated WebP is refused', async () => {
    assert.match(refusal(await animation('webp')), /^picture-unsupported: .*animated/);
  });

  it('that is labelled as another kind is refused', () => {
    const why = refusal(sound.get('png')!, 'image/jpeg');
    assert.match(why, /^picture-invalid: .*labelled "image\/jpeg", but is image\/png/);
  });
});

describe('what a decoder sees of a PNG', () => {
  it('are the blocks that its pixels are made of', async () => {
    const bomb = Buffer.concat([Buffer.from('a\0\0'), deflateSync(new Uint8Array(2 ** 20))]);
    const bytes = png({ before: [pngBlock('zTXt', bomb)] });
    readPictureHeader(bytes);
    assert.deepEqual(essentialPng(bytes), png({}));
    assert.equal((await sharp(essentialPng(bytes)).metadata()).width, 2);
  });
});

describe('the largest file', () => {
  const filled = (begin: Uint8Array, pattern: readonly number[]): Buffer =>
    changed(Buffer.alloc(pictureLimits.bytes, Buffer.from(pattern)), (copy) => copy.set(begin));

  // Quadratic checks would take hours.
  it('costs time in proportion to its bytes, whatever they are', { timeout: 20_000 }, () => {
    const jpeg = sound.get('jpeg')!;
    const scanned = jpeg.subarray(0, jpeg.indexOf(Buffer.from([0xff, 0xda])) + 14);
    for (const pattern of [[0xff], [0xff, 0], [0xff, 0xd0], [0]]) {
      assert.match(refusal(filled(scanned, pattern)), /ends too early/);
      assert.match(refusal(filled(jpeg.subarray(0, 2), pattern)), /^picture-/);
    }
    const png = sound.get('png')!.subarray(0, 33);
    assert.match(refusal(filled(png, [0])), /checksum|name/);
  });
});
