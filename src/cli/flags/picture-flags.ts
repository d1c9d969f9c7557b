// Defines the flags of commands that take pictures, and reads the files that they name.

import { createReadStream } from 'node:fs';
import type { Option } from 'commander';
import { PilotfishError } from '../../base/error.js';
import { shrinkPicture } from '../../pictures/decode-picture.js';
import { pictureLimits } from '../../pictures/picture.js';
import { limits } from '../../protocol/limits.js';
import { flag, usageError, wholeNumber } from './flags.js';

/** The values of the flags. */
export interface PictureOptions {
  /** Files, in the order of their flags. */
  readonly image: readonly string[];
  /** Pixels of the longer side. */
  readonly imageSide: number;
}

const sideDefault = 1024;

/** @param where the pictures stand, for the help. */
export function pictureFlags(where: string): Option[] {
  const image = flag('-i, --image <file>', `picture ${where}: PNG, JPEG or WebP; repeatable`);
  image.default([], 'none');
  return [
    image.argParser((path: string, before: readonly string[]) => [...before, path]),
    flag(
      '--image-side <pixels>',
      'scale pictures with a longer side down to it before they are sent; needs the package sharp',
      wholeNumber(1, pictureLimits.side),
    ).default(sideDefault),
  ];
}

/**
 * Reads pictures, and scales large ones down.
 *
 * @throws PilotfishError as `readPicture`, and `picture-too-large` for too many.
 */
export async function readPictures({ image, imageSide }: PictureOptions): Promise<Uint8Array[]> {
  const { value: most } = limits.pictures;
  if (image.length > most) {
    const message = `${image.length} pictures are given; at most ${most} go in a prompt`;
    throw new PilotfishError('picture-too-large', message);
  }
  const pictures: Uint8Array[] = [];
  // One after another: each may take 100 MiB while it is decoded.
  for (const path of image) pictures.push(await readPicture(path, imageSide));
  return pictures;
}

/**
 * Reads a picture, and scales a large one down.
 *
 * @param sideMax pixels of the longer side.
 * @throws PilotfishError `usage` for a file that cannot be read; `picture-invalid`,
 *   `picture-unsupported`, `picture-too-large` with the name of the file.
 */
export async function readPicture(path: string, sideMax: number): Promise<Uint8Array> {
  const bytes = await readFileStart(path, pictureLimits.bytes + 1);
  try {
    return await shrinkPicture(bytes, sideMax);
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    throw new PilotfishError(reason.code, `${path}: ${reason.message}`);
  }
}

/** No more than `most` bytes: a device such as /dev/zero has no end. */
async function readFileStart(path: string, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: most - 1 })) chunks.push(chunk);
  } catch (reason) {
    const { code, message } = reason as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw usageError(
      `cannot read the picture ${path}: ${code === 'EISDIR' ? 'it is a folder' : why}`,
    );
  }
  return Buffer.concat(chunks);
}
