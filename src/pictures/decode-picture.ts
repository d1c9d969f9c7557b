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
  { kind, end }: PictureHeader,
  sideMax: number,
  load: (name: string) => unknown = loadHere,
): Promise<Pixels> {
  const picture = scaled(bytes, { kind, end }, sideMax, load);
  try {
    const { data, info } = await picture
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, rgb: rgbOf(data, info.channels) };
  } catch (cause) {
    throw undecodable(cause);
  }
}

/** JPEG quality at which a picture that is sent shows no difference to an encoder. */
const jpegQuality = 90;

/**
 * A picture for sending: a larger one is scaled down and encoded anew, without what its camera has
 * noted, as PNG if it was one, else as JPEG.
 *
 * @param bytes of a PNG, JPEG or WebP file.
 * @param sideMax pixels of either side, >= 1.
 * @param load finds sharp; another one is for tests.
 * @returns `bytes` where neither side is longer, and without sharp.
 * @throws PilotfishError as `readPictureHeader`; `picture-invalid` for pixels that cannot be
 *   decoded or take too long.
 */
export async function shrinkPicture(
  bytes: Uint8Array,
  sideMax: number,
  load: (name: string) => unknown = loadHere,
): Promise<Uint8Array> {
  const header = readPictureHeader(bytes);
  if (Math.max(header.width, header.height) <= sideMax) return bytes;
  try {
    checkPictureDecoder(load);
  } catch {
    return bytes;
  }
  const picture = scaled(bytes, header, sideMax, load).toColourspace('srgb');
  try {
    if (header.kind === 'png') return await picture.png().toBuffer();
    return await picture
      .flatten({ background: '#ffffff' })
      .jpeg({ quality: jpegQuality })
      .toBuffer();
  } catch (cause) {
    throw undecodable(cause);
  }
}

/** A picture turned as its camera was held, and no larger than asked for. */
function scaled(
  bytes: Uint8Array,
  { kind, end }: Pick<PictureHeader, 'kind' | 'end'>,
  sideMax: number,
  load: (name: string) => unknown,
): ReturnType<typeof Sharp> {
  const sharp = loadSharp(load);
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
