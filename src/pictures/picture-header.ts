// Checks a picture by its content before any decoder sees it. Reads headers and block lengths only,
// in time linear in its bytes, and allocates nothing of a size that the picture names.

import { readJpeg } from './jpeg-header.js';
import { type PictureHeader, pictureError, pictureLimits } from './picture.js';
import { readPng } from './png-header.js';
import { readWebp } from './webp-header.js';

const pngMagic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const jpegMagic = Buffer.from([0xff, 0xd8, 0xff]);

/**
 * What a picture's content says of it.
 *
 * @param bytes [at most pictureLimits.bytes] of the file; not changed, and not kept.
 * @param label media type that the sender gave it; null: none.
 * @throws PilotfishError `picture-invalid` for what is no picture, is damaged or is mislabelled;
 *   `picture-unsupported` for animations, 16 bits a colour, CMYK and rare kinds;
 *   `picture-too-large` beyond `pictureLimits`.
 */
export function readPictureHeader(bytes: Uint8Array, label: string | null = null): PictureHeader {
  if (bytes.length > pictureLimits.bytes) {
    const why = `has ${bytes.length} bytes; at most ${pictureLimits.bytes} are allowed`;
    throw pictureError(why, 'picture-too-large');
  }
  const header = headerOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  if (label === null || label === `image/${header.kind}`) return header;
  throw pictureError(
    `is labelled ${JSON.stringify(label.slice(0, 64))}, but is image/${header.kind}`,
  );
}

function headerOf(bytes: Buffer): PictureHeader {
  const begins = (magic: Buffer): boolean => bytes.subarray(0, magic.length).equals(magic);
  if (bytes.length === 0) throw pictureError('has no bytes');
  if (begins(pngMagic)) return readPng(bytes);
  if (begins(jpegMagic)) return readJpeg(bytes);
  const isRiff = bytes.toString('latin1', 0, 4) === 'RIFF';
  if (isRiff && bytes.toString('latin1', 8, 12) === 'WEBP') return readWebp(bytes);
  throw pictureError('is no PNG, JPEG or WebP', 'picture-unsupported');
}
