// Draws sound pictures: what the tests of this folder and of the API share.

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

/** Changes a copy. */
export function changed(bytes: Uint8Array, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}
