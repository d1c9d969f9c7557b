// Tells where images stand in a log of tokens, and puts their ids back: on the wire a prompt's list
// of ids has 0 there.

import { isImageToken } from '../base/image-token.js';
import type { ImageSpan } from './frame.js';

/** Runs of ids that follow each other and stand for images, in rising order. */
export function imageSpansOf(ids: Int32Array): ImageSpan[] {
  const spans: ImageSpan[] = [];
  for (let from = 0; from < ids.length; ) {
    const firstId = ids[from]!;
    let count = 1;
    if (isImageToken(firstId)) {
      while (ids[from + count] === firstId + count) count++;
      spans.push({ from, count, firstId });
    }
    from += count;
  }
  return spans;
}

/** The ids as they are listed on the wire. */
export const withoutImages = (ids: Int32Array): Int32Array =>
  ids.map((id) => (isImageToken(id) ? 0 : id));

/** The ids with those of the images in their places. @param ids not changed. */
export function withImages(ids: Int32Array, images: readonly ImageSpan[]): Int32Array {
  const filled = ids.slice();
  for (const { from, count, firstId } of images) {
    for (let at = 0; at < count; at++) filled[from + at] = firstId + at;
  }
  return filled;
}
