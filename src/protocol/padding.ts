// Pads messages to size classes, so that their lengths reveal less. The padding is zeros; the
// connection negotiates no compression, so nothing shrinks them.

import { sizeClass } from '../base/size-class.js';
import { limits } from './limits.js';
import { wireTypes } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** Field number in the message Frame; its tag takes two bytes. */
export const paddingNumber = 19;
/** Tag and length of a field of padding. */
const fieldBytes = 3;
/** Beyond this the length would take another byte. */
const contentMax = 127;
const zeros = new Uint8Array(contentMax);

/**
 * Length of a padded message: the smallest of padBytes, 2 padBytes, 4 padBytes and so on that holds
 * it. A gap of one or two bytes is too small for a field, so such a message goes into the next
 * class.
 *
 * @param length of the message without padding.
 * @param padBytes a power of two; 0: no padding.
 * @returns `length` if the class would exceed the longest legal message.
 */
export function paddedLength(length: number, padBytes: number): number {
  const size = sizeClass(length, padBytes, fieldBytes);
  return size <= limits.frameBytes.value ? size : length;
}

/** Writes `count` bytes of padding. @param count 0, or at least 3. */
export function writePadding(writer: WireWriter, count: number): void {
  let rest = count;
  while (rest > 0) {
    let piece = Math.min(rest, fieldBytes + contentMax);
    // The rest has to be a field too.
    if (rest - piece > 0 && rest - piece < fieldBytes) piece = rest - fieldBytes;
    writer.tag(paddingNumber, wireTypes.bytes);
    writer.bytes(zeros.subarray(0, piece - fieldBytes));
    rest -= piece;
  }
}
