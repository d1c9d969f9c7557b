// Reads the blocks of a WebP and the size in its one frame. Decodes nothing.
// Source: RFC 9649; RFC 6386, section 9.1, for the lossy frame.

import {
  checkSize,
  type PictureHeader,
  pictureError,
  pictureLimits,
  truncated,
} from './picture.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

const extendedBytes = 10;
const animationFlag = 0x02;

/** @throws PilotfishError as `readPictureHeader`. */
export function readWebp(bytes: Buffer): PictureHeader {
  const end = 8 + bytes.readUInt32LE(4);
  if (end > bytes.length) throw truncated();
  if (end < bytes.length) throw pictureError(`is followed by ${bytes.length - end} other bytes`);
  let [at, chunkCount] = [12, 0];
  let canvas: Size | null = null;
  let frame: Size | null = null;
  while (at < end) {
    if (++chunkCount > pictureLimits.chunks) throw pictureError('has too many blocks');
    if (at + 8 > end) throw truncated();
    const type = bytes.toString('latin1', at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    if (length > end - at - 8) throw truncated();
    const data = bytes.subarray(at + 8, at + 8 + length);
    // An odd block is filled up.
    at += 8 + length + (length % 2);
    if (type === 'ANIM' || type === 'ANMF') throw animated();
    if (type === 'VP8X') {
      if (chunkCount > 1) throw pictureError('has its header in the middle');
      canvas = readExtended(data);
    }
    if (type !== 'VP8 ' && type !== 'VP8L') continue;
    if (frame !== null) throw pictureError('has two frames');
    frame = type === 'VP8 ' ? readLossy(data) : readLossless(data);
  }
  if (frame === null) throw pictureError('has no pixel data');
  if (canvas !== null && (canvas.width !== frame.width || canvas.height !== frame.height)) {
    throw pictureError('has a frame of another size than its header says');
  }
  return { kind: 'webp', ...frame, end };
}

const animated = (): Error =>
  pictureError('is animated; one frame is supported', 'picture-unsupported');

function sized(width: number, height: number): Size {
  checkSize(width, height);
  return { width, height };
}

function readExtended(data: Buffer): Size {
  if (data.length !== extendedBytes) throw pictureError('has a header of another length');
  if ((data[0]! & animationFlag) !== 0) throw animated();
  return sized(data.readUIntLE(4, 3) + 1, data.readUIntLE(7, 3) + 1);
}

function readLossy(data: Buffer): Size {
  if (data.length < 10) throw truncated();
  const isKeyFrame = (data[0]! & 1) === 0;
  if (!isKeyFrame || data.readUIntBE(3, 3) !== 0x9d012a) {
    throw pictureError('does not begin with a whole frame');
  }
  return sized(data.readUInt16LE(6) & 0x3fff, data.readUInt16LE(8) & 0x3fff);
}

function readLossless(data: Buffer): Size {
  if (data.length < 5) throw truncated();
  const bits = data.readUInt32LE(1);
  if (data[0] !== 0x2f || bits >>> 29 !== 0) {
    throw pictureError('has a lossless frame of an unknown version');
  }
  return sized((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
}
