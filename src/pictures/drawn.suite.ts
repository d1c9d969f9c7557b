// Draws sound pictures, and spoils them: what the tests of this folder and of the API share.

import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/** A gradient, so that every pixel tells its place. */
export const gradient = (width: number, height: number): Uint8Array =>
  Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [pixel, channel] = [Math.floor(index / 3), index % 3];
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    return [Math.floor((x * 255) / width), Math.floor((y * 255) / height), 128][channel]!;
  });

export const drawn = (width: number, height: number): Sharp =>
  sharp(gradient(width, height), { raw: { width, height, channels: 3 } });

/** Two pictures in a row. */
export const animation = (kind: 'webp' | 'gif'): Promise<Buffer> =>
  sharp(gradient(8, 16), { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
    [kind]()
    .toBuffer();

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

/** Changes a copy. */
export function changed(bytes: Uint8Array, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}
