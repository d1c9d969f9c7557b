// Encodes a picture of the camera as a PNG of 8-bit RGB, without loss: the model sees the pixels
// that it was trained on.

import { crc32, deflateSync } from 'node:zlib';
import { type Picture, side } from './camera.js';
import { palette } from './drawings.js';

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Bit depth 8, colour type 2 (RGB), and the only compression, filter and interlace there is. */
const format = [8, 2, 0, 0, 0];

/** About a kilobyte. */
export function pngOf({ pixels }: Pick<Picture, 'pixels'>): Uint8Array {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  const lines = Buffer.alloc(side * (1 + 3 * side));
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      lines.set(palette[pixels[y * side + x]!]!, y * (1 + 3 * side) + 1 + 3 * x);
    }
  }
  return Buffer.concat([
    signature,
    chunk('IHDR', Buffer.concat([header, Uint8Array.from(format)])),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
