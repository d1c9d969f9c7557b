// Reads the segments of a JPEG: frame header, scans, end. Decodes nothing.
// Source: ITU-T T.81, annex B.

import {
  checkSize,
  type PictureHeader,
  pictureError,
  pictureLimits,
  truncated,
} from './picture.js';

const soi = 0xd8;
const eoi = 0xd9;
const sos = 0xda;
const dnl = 0xdc;
/** Baseline, extended and progressive, in Huffman code. */
const frames = [0xc0, 0xc1, 0xc2];
/** Tables among the numbers of frames: DHT, JPG, DAC. */
const tables = [0xc4, 0xc8, 0xcc];

const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && !tables.includes(marker);
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

/** @throws PilotfishError as `readPictureHeader`. */
export function readJpeg(bytes: Buffer): PictureHeader {
  let size: { readonly width: number; readonly height: number } | null = null;
  let [at, scanCount, segmentCount] = [2, 0, 0];
  for (;;) {
    if (++segmentCount > pictureLimits.chunks) throw pictureError('has too many segments');
    const marker = markerAt(bytes, at);
    at += 2;
    // A marker may be filled up with any number of ff.
    while (marker === 0xff && bytes[at] === 0xff) at++;
    if (marker === 0xff) {
      at--;
      continue;
    }
    if (marker === eoi) break;
    if (marker === soi || marker < 0xc0 || isRestart(marker)) {
      throw pictureError(`has the marker ${marker.toString(16)} where none may be`);
    }
    if (at + 2 > bytes.length) throw truncated();
    const length = bytes.readUInt16BE(at);
    if (length < 2) throw pictureError('has a segment without a length');
    if (at + length > bytes.length) throw truncated();
    const data = bytes.subarray(at + 2, at + length);
    at += length;
    if (isFrame(marker)) {
      if (size !== null) throw pictureError('has two frame headers');
      size = readFrame(marker, data);
    }
    if (marker === dnl) {
      throw pictureError('gives its height at its end', 'picture-unsupported');
    }
    if (marker !== sos) continue;
    if (size === null) throw pictureError('has pixels before its frame header');
    if (++scanCount > pictureLimits.scans) {
      const why = `has more than ${pictureLimits.scans} scans`;
      throw pictureError(why, 'picture-unsupported');
    }
    at = endOfScan(bytes, at);
  }
  if (size === null || scanCount === 0) throw pictureError('has no pixel data');
  // Phones put depth maps and films behind the end of a photo; they are not decoded.
  return { kind: 'jpeg', ...size, end: at };
}

function markerAt(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) throw truncated();
  if (bytes[at] !== 0xff) throw pictureError('is damaged: a marker is missing');
  return bytes[at + 1]!;
}

function readFrame(
  marker: number,
  data: Buffer,
): { readonly width: number; readonly height: number } {
  if (!frames.includes(marker)) {
    const why = `is a JPEG of kind ${marker.toString(16)}; baseline and progressive are supported`;
    throw pictureError(why, 'picture-unsupported');
  }
  if (data.length < 6) throw truncated();
  const [depth, componentCount] = [data[0]!, data[5]!];
  if (depth !== 8) {
    throw pictureError(`has ${depth} bits a colour; 8 are supported`, 'picture-unsupported');
  }
  if (data.length !== 6 + 3 * componentCount) throw pictureError('has a damaged frame header');
  if (componentCount === 4) {
    throw pictureError('has CMYK colours; save it with RGB', 'picture-unsupported');
  }
  if (componentCount !== 1 && componentCount !== 3) {
    throw pictureError(
      `has ${componentCount} colours; 1 or 3 are supported`,
      'picture-unsupported',
    );
  }
  const [height, width] = [data.readUInt16BE(1), data.readUInt16BE(3)];
  checkSize(width, height);
  return { width, height };
}

/** Skips coded pixels up to the marker behind them. */
function endOfScan(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 2)) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    // Two ff: the second may begin the marker.
    if (next === 0xff) at--;
    else if (next !== 0 && !isRestart(next)) return at;
  }
  throw truncated();
}
