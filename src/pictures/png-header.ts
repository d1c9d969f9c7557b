// Reads the blocks of a PNG: header, order, checksums, end. Decompresses nothing.
// Source: W3C, Portable Network Graphics (Third Edition).

import { crc32 } from 'node:zlib';
import {
  checkSize,
  type PictureHeader,
  pictureError,
  pictureLimits,
  truncated,
} from './picture.js';

const headerBytes = 13;
/** Colour type -> bit depths. */
const depths: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
const paletteType = 3;
/** Blocks that a decoder must know, and this one does. */
const critical = ['IHDR', 'PLTE', 'IDAT', 'IEND'];

/** @throws PilotfishError as `readPictureHeader`. */
export function readPng(bytes: Buffer): PictureHeader {
  let [at, chunkCount] = [8, 0];
  let size: { readonly width: number; readonly height: number } | null = null;
  const seen = new Set<string>();
  let colourType = 0;
  for (;;) {
    if (++chunkCount > pictureLimits.chunks) throw pictureError('has too many blocks');
    if (at + 12 > bytes.length) throw truncated();
    const length = bytes.readUInt32BE(at);
    if (length > bytes.length - at - 12) throw truncated();
    const type = bytes.toString('latin1', at + 4, at + 8);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== bytes.readUInt32BE(at + 8 + length)) {
      throw pictureError('is damaged: a checksum is wrong');
    }
    at += 12 + length;
    if (size === null) {
      if (type !== 'IHDR') throw pictureError('does not begin with its header');
      size = readHeader(data);
      colourType = data[9]!;
    } else checkBlock(type, data, seen);
    seen.add(type);
    if (type === 'IEND') break;
  }
  if (!seen.has('IDAT')) throw pictureError('has no pixel data');
  if (colourType === paletteType && !seen.has('PLTE')) throw pictureError('has no palette');
  if (at !== bytes.length) throw pictureError(`is followed by ${bytes.length - at} other bytes`);
  return { kind: 'png', ...size, end: at };
}

function readHeader(data: Buffer): { readonly width: number; readonly height: number } {
  if (data.length !== headerBytes) throw pictureError('has a header of another length');
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  checkSize(width, height);
  const [depth, colourType, compression, filter, interlace] = [...data.subarray(8)];
  if (!depths[colourType!]?.includes(depth!)) {
    throw pictureError(`has colour type ${colourType} with ${depth} bits, which PNG lacks`);
  }
  if (depth === 16) {
    throw pictureError('has 16 bits a colour; 8 are supported', 'picture-unsupported');
  }
  if (compression !== 0 || filter !== 0 || interlace! > 1) {
    throw pictureError('is compressed, filtered or interlaced in a way that PNG lacks');
  }
  return { width, height };
}

function checkBlock(type: string, data: Buffer, seen: ReadonlySet<string>): void {
  if (!/^[A-Za-z]{4}$/.test(type)) throw pictureError('has a block without a name');
  if (type === 'acTL' || type === 'fcTL' || type === 'fdAT') {
    throw pictureError('is animated; one frame is supported', 'picture-unsupported');
  }
  const isCritical = /^[A-Z]/.test(type);
  if (isCritical && !critical.includes(type)) throw pictureError(`has the unknown block ${type}`);
  if (type === 'IHDR') throw pictureError('has two headers');
  if (type === 'IEND' && data.length > 0) throw pictureError('has data in its end');
  const isPaletteLate = seen.has('IDAT') || seen.has('PLTE');
  if (type !== 'PLTE') return;
  if (isPaletteLate || data.length === 0 || data.length > 768 || data.length % 3 !== 0) {
    throw pictureError('has a palette that PNG does not allow');
  }
}

/** Text, profiles and other blocks are often compressed: no decoder needs to see them. */
const decoded = [...critical, 'tRNS'];

/** The blocks of a checked PNG that its pixels are made of. */
export function essentialPng(bytes: Buffer): Buffer {
  const parts = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at);
    if (decoded.includes(bytes.toString('latin1', at + 4, at + 8))) {
      parts.push(bytes.subarray(at, end));
    }
    at = end;
  }
  return Buffer.concat(parts);
}
