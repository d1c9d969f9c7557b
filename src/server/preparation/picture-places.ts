// Turns the places of pictures on the wire, in bytes of UTF-8, into those of the server, in UTF-16
// units. Knows no picture.

import { Buffer } from 'node:buffer';
import type { ChatMessage } from '../../base/chat-message.js';
import { PilotfishError } from '../../base/error.js';
import type { PicturePlace } from '../../pictures/prompt-picture.js';
import type { Open } from '../../protocol/frame.js';

/** @throws PilotfishError `picture-invalid` for a place in no text. */
export function placesOf({ prompt, pictures }: Open): PicturePlace[] {
  if (prompt.kind !== 'messages') {
    throw new PilotfishError('picture-invalid', `a prompt of ${prompt.kind} holds no pictures`);
  }
  const texts = new Map<number, Uint8Array>();
  return pictures.map(({ message, at }) => {
    const text = texts.get(message) ?? utf8Of(prompt.messages, message);
    texts.set(message, text);
    return { message, at: unitsBefore(text, at) };
  });
}

const utf8Of = (messages: readonly ChatMessage[], index: number): Uint8Array =>
  Buffer.from(messages[index]?.content ?? '');

/** UTF-16 units before a byte. @throws PilotfishError `picture-invalid` within a letter. */
function unitsBefore(text: Uint8Array, at: number): number {
  if (at > text.length || (at < text.length && (text[at]! & 0xc0) === 0x80)) {
    const why = `a picture stands at byte ${at} of ${text.length}, where no letter begins or ends`;
    throw new PilotfishError('picture-invalid', why);
  }
  return Buffer.from(text.subarray(0, at)).toString().length;
}
