// Carries the places of pictures through a chat template, which knows text only: a mark stands for
// each picture, and the rendered text is cut there. As llama-server and mtmd do it, but with marks
// that no user can guess.

import { randomBytes } from 'node:crypto';
import type { ChatMessage } from '../../base/chat-message.js';
import { PilotfishError } from '../../base/error.js';
import type { PicturePlace } from '../../pictures/prompt-picture.js';

/** A text around pictures. */
export interface CutText {
  /** [pictures + 1] */
  readonly texts: readonly string[];
  /** Index of the picture behind each text but the last. */
  readonly order: readonly number[];
}

export class PictureMarks {
  /** Of a plane for private use, which no tokenizer gives a meaning. */
  readonly #mark = `\u{F8CA1}${randomBytes(16).toString('hex')}:`;

  /**
   * The messages with a mark in place of each picture.
   *
   * @throws PilotfishError `picture-invalid` for a place that is in no message.
   */
  placed(
    messages: readonly ChatMessage[],
    pictures: readonly PicturePlace[],
  ): readonly ChatMessage[] {
    for (const picture of pictures) checkPlace(picture, messages);
    return messages.map((message, index) => {
      const here = [...pictures.entries()].filter(([, picture]) => picture.message === index);
      if (here.length === 0) return message;
      // Pictures at one place stay in their order.
      here.sort(([, one], [, other]) => one.at - other.at);
      let [content, from] = ['', 0];
      for (const [number, { at }] of here) {
        content += `${message.content.slice(from, at)}${this.#mark}${number};`;
        from = at;
      }
      return { ...message, content: content + message.content.slice(from) };
    });
  }

  /**
   * Cuts what a template has made of such messages.
   *
   * @throws PilotfishError `chat-template-failed` where it does not show each picture once.
   */
  cut(text: string, pictureCount: number): CutText {
    // Text and number by turns.
    const parts = text.split(new RegExp(`${this.#mark}(\\d+);`, 'u'));
    const texts = parts.filter((_, index) => index % 2 === 0);
    const order = parts.filter((_, index) => index % 2 === 1).map(Number);
    const isEach = Array.from({ length: pictureCount }, (_, index) => order.includes(index));
    if (order.length === pictureCount && isEach.every(Boolean)) return { texts, order };
    const message = `the chat template shows ${order.length} pictures of ${pictureCount}`;
    throw new PilotfishError('chat-template-failed', message);
  }
}

function checkPlace({ message, at }: PicturePlace, messages: readonly ChatMessage[]): void {
  const content = messages[message]?.content ?? null;
  const isWithin = content !== null && Number.isInteger(at) && at >= 0 && at <= content.length;
  // A letter of two units is not cut.
  if (isWithin && (at === 0 || content.codePointAt(at - 1)! <= 0xffff)) return;
  const why = `a picture stands at ${at} of message ${message}, where no letter begins or ends`;
  throw new PilotfishError('picture-invalid', why);
}
