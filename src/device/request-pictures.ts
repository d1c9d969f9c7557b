// Checks the pictures of a request, and names them as the wire does.

import { createHash } from 'node:crypto';
import type { ChatMessage } from '../base/chat-message.js';
import { PilotfishError } from '../base/error.js';
import { pictureError } from '../pictures/picture.js';
import { readPictureHeader } from '../pictures/picture-header.js';
import { checkPromptPictures, type PromptPicture } from '../pictures/prompt-picture.js';
import { limits } from '../protocol/limits.js';
import type { RequestPicture } from './core/picture-sending.js';

/**
 * The pictures in the order of their places.
 *
 * @throws PilotfishError `usage` for a place in no message or within a letter; `picture-too-large`;
 *   as `readPictureHeader`.
 */
export function requestPictures(
  pictures: readonly PromptPicture[],
  messages: readonly ChatMessage[],
): RequestPicture[] {
  checkPromptPictures(pictures);
  return pictures
    .toSorted((one, other) => one.message - other.message || one.at - other.at)
    .map(({ message, at, bytes }) => {
      if (bytes.length > limits.pictureBytes.value) {
        throw pictureError(`has more than ${limits.pictureBytes.value} bytes`, 'picture-too-large');
      }
      readPictureHeader(bytes);
      const hash = new Uint8Array(createHash('sha256').update(bytes).digest());
      return { hash, bytes, message, at: bytesBefore(messages, message, at) };
    });
}

/** Bytes of UTF-8 before a place. @param at in UTF-16 units. */
function bytesBefore(messages: readonly ChatMessage[], message: number, at: number): number {
  const content = messages[message]?.content;
  const isWithin = content !== undefined && Number.isInteger(at) && at >= 0 && at <= content.length;
  if (!isWithin || (at > 0 && content.codePointAt(at - 1)! > 0xffff)) {
    const why = `a picture stands at ${at} of message ${message}, where no letter begins or ends`;
    throw new PilotfishError('usage', why);
  }
  return Buffer.byteLength(content.slice(0, at));
}
