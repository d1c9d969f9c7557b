// Decodes a picture to RGB with sharp, on libvips' threads, after its content was checked. sharp is
// optional and is loaded by the first picture.

import { createRequire } from 'node:module';
import type Sharp from 'sharp';
import { PilotfishError } from '../base/error.js';
import { type PictureHeader, pictureError, pictureLimits } from './picture.js';
import { readPictureHeader } from './picture-header.js';
import { essentialPng } from './png-header.js';

/** The pixels of a picture. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** [height x width x 3], rows from the top, sRGB. */
  readonly rgb: Uint8Array;
}

/** A photo at the limits takes 1 to 2 s of a slow core. */
const decodeSecondsMax = 10;
/** The version that package.json names. */
const sharpVersion = '0.35.5';

/** Steps of sharp. */
type Picture = ReturnType<typeof Sharp>;

let loaded: typeof Sharp | null = null;
const loadHere: (name: string) => unknown = createRequire(import.meta.url);

/** @throws PilotfishError `picture-decoder-missing`. */
function loadSharp(load: (name: string) => unknown): typeof Sharp {
  if (loaded !== null && load === loadHere) return loaded;
  try {
    const sharp = load('sharp') as typeof Sharp;
    // Pictures are not repeated, so nothing is gained by keeping their pixels.
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  } catch (cause) {
    const message = `pictures need the package sharp: npm install sharp@${sharpVersion}`;
    throw new PilotfishError('picture-decoder-missing', message, { cause });
  }
}

/**
 * Whether pictures can be decoded here.
 *
 * @throws PilotfishError `picture-decoder-missing`, with what to install.
 */
export function checkPictureDecoder(load: (name: string) => unknown = loadHere): void {
  loaded = loadSharp(load);
}

/**
 * The pixels of a picture, turned as its camera was held, transparent ones on white.
 *
 * @param bytes of a PNG, JPEG or WebP file.
 * @param sideMax larger pictures are scaled down until neither side has more pixels, >= 1.
 * @param load finds the package; another one is for tests.
 * @throws PilotfishError as `readPictureHeader`; `picture-invalid` for pixels that cannot be
 *   decoded or take too long; `picture-decoder-missing` without sharp.
 */
export async function decodePicture(
  bytes: Uint8Array,
  sideMax: number,
  load: (name: string) => unknown = loadHere,
): Promise<Pixels> {
  return decodeChecked(bytes, readPictureHeader(bytes), sideMax, load);
}

/** As `decodePicture`, of a picture that was checked. @param header of these bytes. */
export async function decodeChecked(
  bytes: Uint8Array,
  header: PictureHeader,
  sideMax: number,
  load: (name: string) => unknown = loadHere,
): Promise<Pixels> {
  const scaled = scaledPicture(bytes, header, sideMax, loadSharp(load));
  try {
    const { data, info } = await scaled
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, rgb: rgbOf(data, info.channels) };
  } catch (cause) {
    throw undecodable(cause);
  }
}

/** The steps up to a picture of the right size; nothing is computed yet. */
function scaledPicture(
  bytes: Uint8Array,
  { kind, end }: PictureHeader,
  sideMax: number,
  sharp: typeof Sharp,
): Picture {
  loaded = sharp;
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, end);
  return sharp(kind === 'png' ? essentialPng(whole) : whole, {
    ...{ limitInputPixels: pictureLimits.pixels, failOn: 'truncated', pages: 1 },
    sequentialRead: true,
  })
    .timeout({ seconds: decodeSecondsMax })
    .autoOrient()
    .resize({ width: sideMax, height: sideMax, fit: 'inside', withoutEnlargement: true });
}

/**
 * The file, or a smaller one where the picture has more pixels a side: a PNG stays one, others
 * become JPEG of quality 90. Without sharp the file stays as it is.
 *
 * @param bytes of a PNG, JPEG or WebP file.
 * @throws PilotfishError as `decodePicture`, but for `picture-decoder-missing`.
 */
export async function fitPicture(
  bytes: Uint8Array,
  sideMax: number,
  load: (name: string) => unknown = loadHere,
): Promise<Uint8Array> {
  const header = readPictureHeader(bytes);
  const { kind, width, height } = header;
  if (Math.max(width, height) <= sideMax) return bytes;
  try {
    checkPictureDecoder(load);
  } catch {
    return bytes;
  }
  const scaled = scaledPicture(bytes, header, sideMax, loaded!);
  try {
    const file =
      kind === 'png'
        ? scaled.png()
        : scaled.flatten({ background: '#ffffff' }).jpeg({ quality: 90 });
    return new Uint8Array(await file.toBuffer());
  } catch (cause) {
    throw undecodable(cause);
  }
}

function undecodable(cause: unknown): PilotfishError {
  const why = cause instanceof Error ? cause.message.slice(0, 200) : 'unknown';
  return pictureError(`cannot be decoded: ${why.replace(/\s+/g, ' ')}`);
}

/** A grey picture has one channel. */
function rgbOf(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return data;
  const rgb = new Uint8Array((data.length / channels) * 3);
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    rgb.fill(data[from]!, to, to + 3);
  }
  return rgb;
}
