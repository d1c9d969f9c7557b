// Says what a picture is before it is decoded, and how large it may be.

import { type ErrorCode, PilotfishError } from '../base/error.js';

/** The kinds of picture that are taken, by the names in their media types. */
export type PictureKind = 'png' | 'jpeg' | 'webp';

/** What the headers of a picture say. */
export interface PictureHeader {
  readonly kind: PictureKind;
  /** Pixels, >= 1. */
  readonly width: number;
  readonly height: number;
  /** Bytes of the picture itself; what follows is never decoded. */
  readonly end: number;
}

/** Bounds of one picture. */
export const pictureLimits = {
  /** Of the file: a photo of a phone. */
  bytes: 8 * 2 ** 20,
  /** Of either side; WebP has no more. */
  side: 16_384,
  /** Of both sides multiplied: a photo of 33 megapixels, 96 MiB once decoded. */
  pixels: 2 ** 25,
  /** Blocks of a file that are read to find its end. */
  chunks: 16_384,
  /** Passes over all pixels of a progressive JPEG; encoders make about ten. */
  scans: 32,
} as const;

/**
 * The error for a picture that is not taken.
 *
 * @param why continues `the picture`.
 */
export function pictureError(
  why: string,
  code: Extract<ErrorCode, `picture-${string}`> = 'picture-invalid',
): PilotfishError {
  return new PilotfishError(code, `the picture ${why}`);
}

export const truncated = (): PilotfishError => pictureError('ends too early');

/** @throws PilotfishError `picture-invalid` without pixels, `picture-too-large` with too many. */
export function checkSize(width: number, height: number): void {
  const size = `${width} x ${height}`;
  if (width === 0 || height === 0) throw pictureError(`has no pixels: it is ${size}`);
  const { side, pixels } = pictureLimits;
  if (Math.max(width, height) <= side && width * height <= pixels) return;
  const most = `${side} a side and ${pixels} in all are allowed`;
  throw pictureError(`has ${size} pixels; ${most}`, 'picture-too-large');
}
