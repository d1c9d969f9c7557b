// What is done for HTTP answers against whoever sees lengths and times: comments and white space that fill what is sent up
// to a class of size, and how often a stream may say something. Every client of OpenAI's shapes passes over both.

import { randomBytes } from 'node:crypto';
import { sizeClass } from '../base/size-class.js';

/** As on the wire between devices and servers; 0: nothing is done. */
export interface StreamShaping {
  /** What is sent at a time has this many bytes, or twice, and so on: a power of two. */
  readonly padBytes: number;
  /** Something is sent every so many milliseconds, and at no other time. */
  readonly aggregateMs: number;
}

export const noStreamShaping: StreamShaping = { padBytes: 0, aggregateMs: 0 };

/** A comment of no letters: a colon and an empty line. */
const commentBytes = 3;

/**
 * Events with a comment behind them that fills them up. Its letters are drawn, so that a proxy that compresses gains
 * nothing by them.
 *
 * @param events whole, each with its empty line; none: the comment alone.
 */
export function paddedEvents(events: string, padBytes: number): string {
  const length = Buffer.byteLength(events);
  const size = sizeClass(length, padBytes, commentBytes);
  if (size === length) return events === '' ? ':\n\n' : events;
  const letterCount = size - length - commentBytes;
  const letters = randomBytes(Math.ceil((letterCount * 3) / 4)).toString('base64url');
  return `${events}:${letters.slice(0, letterCount)}\n\n`;
}

/** A body of JSON with spaces behind it. */
export function paddedBody(body: string, padBytes: number): string {
  const length = Buffer.byteLength(body);
  return body + ' '.repeat(sizeClass(length, padBytes, 1) - length);
}
