// Cuts parts of a feed into pieces that are decoded by themselves: words from images, and in
// deterministic mode those that are computed alike.

import { isImageToken } from '../../base/image-token.js';
import type { Part } from '../row-model.js';

export const hasImage = ({ tokens }: Part): boolean => tokens.some(isImageToken);

/** The part in pieces of words only and of images only: a batch holds ids or embeddings. */
export function imagesApart(part: Part): Part[] {
  if (!hasImage(part)) return [part];
  const { slot, from, tokens, rowCount } = part;
  const firstRow = tokens.length - rowCount;
  const pieces: Part[] = [];
  for (let at = 0; at < tokens.length; ) {
    const kind = isImageToken(tokens[at]!);
    let end = at + 1;
    while (end < tokens.length && isImageToken(tokens[end]!) === kind) end++;
    const rows = Math.max(0, end - Math.max(at, firstRow));
    pieces.push({ slot, from: from + at, tokens: tokens.subarray(at, end), rowCount: rows });
    at = end;
  }
  return pieces;
}

/** A part of a feed as it is decoded: pieces by themselves, then one beside the other parts. */
export interface SplitPart {
  readonly apart: readonly Part[];
  /** Words behind the last image; null where the part ends with an image, or has rows before. */
  readonly joint: Part | null;
}

/** Leaves to the common batch what can be there: all of a part without images. */
export function splitAtImages(part: Part): SplitPart {
  const pieces = imagesApart(part);
  const last = pieces.at(-1)!;
  const isJoint = !hasImage(last) && last.rowCount === part.rowCount;
  return isJoint ? { apart: pieces.slice(0, -1), joint: last } : { apart: pieces, joint: null };
}

/**
 * Most tokens of a deterministic batch, one less for a dummy: llama.cpp sums the attention of 64
 * and more in another order, and a text that is fed again in one piece would part from the one that
 * was written token by token.
 */
const pieceTokens = 62;

/**
 * The part in pieces that are computed alike, however long it is; its rows stay together while they
 * fit one piece.
 */
export function piecesOf(part: Part): Part[] {
  const { slot, from, tokens, rowCount } = part;
  if (tokens.length <= pieceTokens) return [part];
  const pieces: Part[] = [];
  const firstRow = tokens.length - rowCount;
  for (let at = 0; at < tokens.length; ) {
    const end = Math.min(at + pieceTokens, at < firstRow ? firstRow : tokens.length);
    const rows = at < firstRow ? 0 : end - at;
    pieces.push({ slot, from: from + at, tokens: tokens.subarray(at, end), rowCount: rows });
    at = end;
  }
  return pieces;
}

/**
 * Whether llama.cpp's one-row kernels would compute any of it: a single token, or a single row of
 * logits, since behind the last attention only wanted rows are computed.
 */
export const isLonely = ({ tokens, rowCount }: Part): boolean =>
  tokens.length === 1 || rowCount === 1;

/** The part with a token behind it, which changes nothing before it and is to be forgotten. */
export const accompanied = ({ tokens, rowCount, ...rest }: Part): Part => ({
  ...rest,
  tokens: Int32Array.of(...tokens, 0),
  rowCount: rowCount === 0 ? 0 : rowCount + 1,
});
