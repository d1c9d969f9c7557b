// Hides lengths and times of HTTP answers: pads with comments and spaces to a size class, and sends
// at fixed intervals. OpenAI-compatible clients skip both.

import { randomBytes } from 'node:crypto';
import { sizeClass } from '../base/size-class.js';

/** The same settings as on the wire between devices and servers; 0: off. */
export interface StreamShaping {
  /** Each piece has this many bytes, or twice, four times and so on; a power of two. */
  readonly padBytes: number;
  /** A piece is sent every so many milliseconds, and at no other time. */
  readonly aggregateMs: number;
}

export const noStreamShaping: StreamShaping = { padBytes: 0, aggregateMs: 0 };

/** An empty comment: a colon and an empty line. */
const commentBytes = 3;

/**
 * Events followed by a comment that pads them. Its letters are random, so that compression gains
 * nothing.
 *
 * @param events whole, each with its empty line; empty: the comment alone.
 */
export function paddedEvents(events: string, padBytes: number): string {
  const length = Buffer.byteLength(events);
  const size = sizeClass(length, padBytes, commentBytes);
  if (size === length) return events === '' ? ':\n\n' : events;
  const letterCount = size - length - commentBytes;
  const letters = randomBytes(Math.ceil((letterCount * 3) / 4)).toString('base64url');
  return `${events}:${letters.slice(0, letterCount)}\n\n`;
}

/** A JSON body padded with spaces. */
export function paddedBody(body: string, padBytes: number): string {
  const length = Buffer.byteLength(body);
  return body + ' '.repeat(sizeClass(length, padBytes, 1) - length);
}
