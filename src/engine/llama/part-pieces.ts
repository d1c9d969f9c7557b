// Cuts parts of a feed into pieces that are decoded by themselves: words from images, and in
// deterministic mode those that are computed alike.

import { isImageToken } from '../../base/image-token.js';
import type { ImageStore } from '../image-store.js';
import type { Part } from '../row-model.js';

type ImagePlaces = Pick<ImageStore, 'placeOf'>;

export const hasImage = ({ tokens }: Part): boolean => tokens.some(isImageToken);

/**
 * The part in pieces of words only and of images only: a batch holds ids or embeddings. An image
 * that attends to all of itself is a piece of its own.
 */
export function imagesApart(part: Part, images: ImagePlaces): Part[] {
  if (!hasImage(part)) return [part];
  const { slot, from, tokens, rowCount } = part;
  const firstRow = tokens.length - rowCount;
  const pieces: Part[] = [];
  for (let at = 0; at < tokens.length; ) {
    const kind = kindOf(tokens[at]!, images);
    let end = at + 1;
    while (
      end < tokens.length &&
      isNext(tokens, end, kind) &&
      kindOf(tokens[end]!, images) === kind
    )
      end++;
    const rows = Math.max(0, end - Math.max(at, firstRow));
    pieces.push({ slot, from: from + at, tokens: tokens.subarray(at, end), rowCount: rows });
    at = end;
  }
  return pieces;
}

/** What tokens share a piece: words, causal images, or one other image, named by its first id. */
function kindOf(token: number, images: ImagePlaces): 'words' | 'causal' | number {
  if (!isImageToken(token)) return 'words';
  const { first, isNonCausal } = images.placeOf(token);
  return isNonCausal ? first : 'causal';
}

/** An image may stand twice in a row. */
const isNext = (tokens: Int32Array, at: number, kind: string | number): boolean =>
  typeof kind === 'string' || tokens[at] === tokens[at - 1]! + 1;

/** Whether the piece belongs to an image that attends to all of itself. */
export const isNonCausalImage = ({ tokens }: Part, images: ImagePlaces): boolean =>
  isImageToken(tokens[0]!) && images.placeOf(tokens[0]!).isNonCausal;

/** The piece with the rest of its image behind it; its rows are the first of those asked for. */
export function toImageEnd(piece: Part, images: ImagePlaces): Part {
  const { tokens, rowCount } = piece;
  const { first, count } = images.placeOf(tokens[0]!);
  const missing = first + count - 1 - tokens.at(-1)!;
  if (missing === 0) return piece;
  const fed = Int32Array.from({ length: tokens.length + missing }, (_, at) => tokens[0]! + at);
  return { ...piece, tokens: fed, rowCount: rowCount === 0 ? 0 : rowCount + missing };
}

/** A part of a feed as it is decoded: pieces by themselves, then one beside the other parts. */
export interface SplitPart {
  readonly apart: readonly Part[];
  /** Words behind the last image; null where the part ends with an image, or has rows before. */
  readonly joint: Part | null;
}

/** Leaves to the common batch what can be there: all of a part without images. */
export function splitAtImages(part: Part, images: ImagePlaces): SplitPart {
  const pieces = imagesApart(part, images);
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
