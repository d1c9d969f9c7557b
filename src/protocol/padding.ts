// Padding of messages to classes of size, so that their lengths say less: how long a message becomes, and the fields that
// make it so. Zeros: nothing on the way may compress them, since the carrier negotiates no compression.

import { sizeClass } from '../base/size-class.js';
import { limits } from './limits.js';
import { wireTypes } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** Field number in the message Frame; two bytes of tag. */
export const paddingNumber = 19;
/** Tag and length of a field of padding. */
const fieldBytes = 3;
/** Beyond this the length would take another byte. */
const contentMax = 127;
const zeros = new Uint8Array(contentMax);

/**
 * How long a message becomes: the least of padBytes, 2 padBytes, 4 padBytes and so on that holds it. One that lacks a byte
 * or two, for which there is no field, goes into the next class.
 *
 * @param length of the message without padding.
 * @param padBytes a power of two; 0: no padding.
 * @returns `length` where the class would be longer than any message may be.
 */
export function paddedLength(length: number, padBytes: number): number {
  const size = sizeClass(length, padBytes, fieldBytes);
  return size <= limits.frameBytes.value ? size : length;
}

/** Writes so many bytes that mean nothing. @param count 0, or at least 3. */
export function writePadding(writer: WireWriter, count: number): void {
  let rest = count;
  while (rest > 0) {
    let piece = Math.min(rest, fieldBytes + contentMax);
    // What is left has to be a field too.
    if (rest - piece > 0 && rest - piece < fieldBytes) piece = rest - fieldBytes;
    writer.tag(paddingNumber, wireTypes.bytes);
    writer.bytes(zeros.subarray(0, piece - fieldBytes));
    rest -= piece;
  }
}
