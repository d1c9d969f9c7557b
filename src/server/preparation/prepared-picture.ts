// A picture of an Open as the shell gives it to its preparation, and the ids of prompts in which
// pictures stand.

import { PilotfishError } from '../../base/error.js';
import { isImageToken } from '../../base/image-token.js';
import type { PromptPicture } from '../../pictures/prompt-picture.js';
import { idsOfImages, type SeenPicture } from '../eyes/seen-picture.js';

/** A picture in a prompt of ids, which has been seen elsewhere: ids of that server stand for it. */
export interface StandInPicture {
  /** Index of its first id in the prompt. */
  readonly at: number;
  /** Ids that stand for it. */
  readonly count: number;
  /** Of its file: PNG, JPEG or WebP, of any content. */
  readonly bytes: Uint8Array;
}

/** `PromptPicture` in a prompt of messages, `StandInPicture` in one of ids. */
export type PreparedPicture = PromptPicture | StandInPicture;

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

/**
 * The ids of a prompt with those that its pictures have here.
 *
 * @param ids [n] of the prompt; each stand-in of an image belongs to a picture.
 * @throws PilotfishError `token-out-of-range` for an id outside all of them that is no word;
 *   `picture-invalid` for pictures that overlap, or have another count of ids here.
 */
export function withOwnIds(
  ids: Int32Array,
  places: readonly StandInPicture[],
  pictures: readonly SeenPicture[],
  vocabSize: number,
): Int32Array {
  const parts: Int32Array[] = [];
  let from = 0;
  const ordered = [...places.entries()].sort(([, one], [, other]) => one.at - other.at);
  for (const [index, { at, count }] of ordered) {
    const own = ownIds(pictures[index]!, count);
    if (own === null || at < from || at + count > ids.length) {
      const why = `the picture at [${at}, ${at + count}) of the prompt overlaps another, or has another count of ids here`;
      throw new PilotfishError('picture-invalid', why);
    }
    parts.push(ids.slice(from, at), own);
    checkWords(parts.at(-2)!, from, vocabSize);
    from = at + count;
  }
  parts.push(ids.slice(from));
  checkWords(parts.at(-1)!, from, vocabSize);
  return concat(parts);
}

/** All that stands for a picture, or its images alone: words around them are like any others. */
function ownIds(picture: SeenPicture, count: number): Int32Array | null {
  if (picture.ids.length === count) return picture.ids;
  const span = idsOfImages(picture);
  return span.length === count ? span : null;
}

function checkWords(ids: Int32Array, from: number, vocabSize: number): void {
  const bad = ids.findIndex((id) => id < 0 || id >= vocabSize);
  if (bad < 0) return;
  const what = isImageToken(ids[bad]!) ? 'of an image that no picture stands for' : 'outside';
  const message = `prompt[${from + bad}] ${ids[bad]} is ${what}; words are in [0, ${vocabSize})`;
  throw new PilotfishError('token-out-of-range', message);
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
