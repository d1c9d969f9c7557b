// A picture within the messages of a prompt, and how many there may be: what the HTTP API, the wire
// and the command share.

import { PilotfishError } from '../base/error.js';

/** Where a picture stands in a chat. */
export interface PicturePlace {
  /** Index of its message. */
  readonly message: number;
  /** Place in the message's text, in UTF-16 units: it comes before the letter there. */
  readonly at: number;
}

/** A picture in a chat. */
export interface PromptPicture extends PicturePlace {
  /** Of its file: PNG, JPEG or WebP, checked by content but not decoded. */
  readonly bytes: Uint8Array;
}

/** Bounds of all pictures of a prompt: those of the wire. */
export const promptPictureLimits = { count: 8, bytes: 16 * 2 ** 20 } as const;

/** @throws PilotfishError `picture-too-large` for too many pictures, or too many bytes of all. */
export function checkPromptPictures(pictures: readonly Pick<PromptPicture, 'bytes'>[]): void {
  const { count, bytes } = promptPictureLimits;
  const all = pictures.reduce((sum, picture) => sum + picture.bytes.length, 0);
  const [what, most] =
    pictures.length > count ? [pictures.length, count] : [`${all} bytes of`, bytes];
  if (pictures.length <= count && all <= bytes) return;
  throw new PilotfishError('picture-too-large', `${what} pictures; at most ${most} are allowed`);
}
