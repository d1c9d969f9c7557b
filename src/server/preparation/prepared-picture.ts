// A picture of an Open as the shell gives it to its preparation, and the ids of prompts in which
// pictures stand.

import type { PicturePlace } from '../../pictures/prompt-picture.js';
import type { SeenPicture } from '../eyes/seen-picture.js';
import type { PictureFile } from '../eyes/server-eyes.js';

/** A picture in a chat, whose file may be known by its name. */
export interface PreparedPicture extends PicturePlace {
  readonly bytes: PictureFile;
}

/** Ids in order, pictures between words. @param order see `CutText`. */
export function joinedIds(
  words: readonly Int32Array[],
  order: readonly number[],
  pictures: readonly SeenPicture[],
): Int32Array {
  const parts = words.flatMap((ids, index) =>
    index < order.length ? [ids, pictures[order[index]!]!.ids] : [ids],
  );
  return concat(parts);
}

function concat(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
