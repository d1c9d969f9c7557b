// Defines the flags for pictures in a prompt, and reads the files they name.

import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { fitPicture } from '../../pictures/decode-picture.js';
import { pictureError } from '../../pictures/picture.js';
import { readPictureHeader } from '../../pictures/picture-header.js';
import { addFlags, flag, usageError, wholeNumber } from './flags.js';

export interface PictureOptions {
  readonly image: readonly string[];
  readonly imageSide: number;
}

/** Larger files are not read: a photo of a phone, before it is scaled down. */
const fileBytesMax = 32 * 2 ** 20;
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
 * Reads a picture, and scales it down where it is larger and the package for that is installed.
 *
 * @throws PilotfishError `usage` for a file that cannot be read; `picture-invalid`,
 *   `picture-unsupported`, `picture-too-large`.
 */
export async function readPicture(path: string, sideMax: number): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  readPictureHeader(bytes);
  return fitPicture(bytes, sideMax);
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > fileBytesMax) {
      throw pictureError(`${path} has more than ${fileBytesMax} bytes`, 'picture-too-large');
    }
    return await readFile(path);
  } catch (reason) {
    const { code } = reason as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw usageError(`there is no picture ${path}`);
    if (code === 'EISDIR') throw usageError(`${path} is a folder, not a picture`);
    if (code === 'EACCES') throw usageError(`the picture ${path} cannot be read`);
    throw reason;
  }
}

/** Pictures at the beginning of a message. */
export const readPictures = ({ image, imageSide }: PictureOptions): Promise<Uint8Array[]> =>
  Promise.all(image.map((path) => readPicture(path, imageSide)));
