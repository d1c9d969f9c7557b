// Writes a PNG block by block, sound or not: for those who test what takes pictures.
// Source: W3C, Portable Network Graphics (Third Edition).

import { crc32, deflateSync } from 'node:zlib';

/** A block of a PNG with its checksum. */
export function pngBlock(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(data.length, 0);
  named.copy(framed, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}

export interface PngLook {
  readonly width?: number;
  readonly height?: number;
  readonly depth?: number;
  readonly colourType?: number;
  /** Blocks between the header and the pixels. */
  readonly before?: readonly Buffer[];
  /** Pixel data before compression; absent: of 2 x 2 pixels. */
  readonly rows?: Uint8Array;
}

/** A PNG written by hand, so that it may lie. */
export function png({
  width = 2,
  height = 2,
  depth = 8,
  colourType = 2,
  ...rest
}: PngLook): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngBlock('IHDR', header),
    ...(rest.before ?? []),
    pngBlock('IDAT', deflateSync(rest.rows ?? new Uint8Array(2 * 7))),
    pngBlock('IEND', new Uint8Array(0)),
  ]);
}
