// Reads a picture out of a data: URL, as OpenAI's API carries them. Never fetches anything.

import { PilotfishError } from '../base/error.js';
import { pictureError, pictureLimits } from './picture.js';
import { readPictureHeader } from './picture-header.js';

const base64Max = Math.ceil(pictureLimits.bytes / 3) * 4;

/**
 * The checked bytes of a picture.
 *
 * @param url `data:image/png;base64,...`, or with jpeg or webp.
 * @throws PilotfishError `picture-invalid` for any other URL; else as `readPictureHeader`.
 */
export function pictureOfDataUrl(url: string): Uint8Array {
  const isRemote = /^[a-z][a-z0-9+.-]*:/i.test(url) && !/^data:/i.test(url);
  if (isRemote) {
    const why = 'URLs are never fetched; send the picture itself, as data:image/png;base64,...';
    throw new PilotfishError('picture-invalid', why);
  }
  const [, label, text] = /^data:([\w/+.-]{1,64});base64,/i.exec(url)
    ? [null, url.slice(5, url.indexOf(';')).toLowerCase(), url.slice(url.indexOf(',') + 1)]
    : [];
  if (label === undefined || text === undefined) {
    throw pictureError('is not given as data:image/png;base64,... (or jpeg, webp)');
  }
  if (text.length > base64Max) {
    const why = `has more than ${pictureLimits.bytes} bytes`;
    throw pictureError(why, 'picture-too-large');
  }
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw pictureError('is not written in base64');
  }
  const bytes = Buffer.from(text, 'base64');
  readPictureHeader(bytes, label === 'image/jpg' ? 'image/jpeg' : label);
  return new Uint8Array(bytes);
}
