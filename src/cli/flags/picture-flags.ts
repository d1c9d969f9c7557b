// Defines the flags for pictures in a prompt, and reads the files they name.

import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { PilotfishError } from '../../base/error.js';
import { fitPicture } from '../../pictures/decode-picture.js';
import { pictureLimits } from '../../pictures/picture.js';
import { limits } from '../../protocol/limits.js';
import { addFlags, flag, usageError, wholeNumber } from './flags.js';

export interface PictureOptions {
  readonly image: readonly string[];
  readonly imageSide: number;
}

/** What most models look at. */
const sideDefault = 1024;

/** @param purpose of the pictures, for help. */
export function addPictureFlags(command: Command, purpose: string): Command {
  const image = flag('-i, --image <file>', `${purpose}: PNG, JPEG or WebP; repeatable`);
  image.default([], 'none');
  image.argParser((path: string, before: readonly string[]) => [...before, path]);
  const side = flag(
    '--image-side <n>',
    'scale pictures down to this many pixels a side before they are sent',
    wholeNumber(16, 16_384),
  );
  return addFlags(command, [image, side.default(sideDefault)]);
}

/**
 * Reads the pictures at the beginning of a message.
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
 * Reads a picture, and scales it down where it is larger and the package for that is installed.
 *
 * @param sideMax pixels of the longer side.
 * @throws PilotfishError `usage` for a file that cannot be read; `picture-invalid`,
 *   `picture-unsupported`, `picture-too-large` with the name of the file.
 */
export async function readPicture(path: string, sideMax: number): Promise<Uint8Array> {
  const bytes = await readStart(path, pictureLimits.bytes + 1);
  try {
    return await fitPicture(bytes, sideMax);
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    throw new PilotfishError(reason.code, `${path}: ${reason.message}`);
  }
}

/** No more than `most` bytes: a device such as /dev/zero has no end. */
async function readStart(path: string, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: most - 1 })) chunks.push(chunk);
  } catch (reason) {
    const { code, message } = reason as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw usageError(`there is no picture ${path}`);
    if (code === 'EISDIR') throw usageError(`${path} is a folder, not a picture`);
    throw usageError(`the picture ${path} cannot be read: ${message}`);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
