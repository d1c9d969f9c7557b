// Locates the first difference of two vocabularies without sending either. The device sends one
// hash for each 256 token texts; the server returns the texts of the first block that differs. The
// fingerprint decides equality, not the hashes.

import { cutText, toUtf8 } from '../base/utf8.js';
import {
  firstDifference,
  onlyKindsDiffer,
  type TokenTexts,
} from '../base/vocabulary-difference.js';
import type { VocabularyBlock } from './frame.js';
import { blockTokens, limits } from './limits.js';

export type { TokenTexts };

/** Never part of UTF-8, so different lists of texts give different bytes. */
const endOfTextByte = 0xff;

/**
 * Hashes of a vocabulary for Hello, by which a server locates the first difference: 32-bit FNV-1a
 * over the texts of each 256 tokens, in UTF-8, each followed by the byte 0xff.
 *
 * @returns [ceil(size / 256)], owned by the caller.
 *
 * @example
 * ```ts
 * import { blockHashesOf } from 'pilotfish/protocol';
 *
 * blockHashesOf({ size: 300, tokenText: (token) => `t${token}` }).length; // = 2
 * ```
 */
export function blockHashesOf(texts: TokenTexts): Uint32Array {
  const hashes = new Uint32Array(Math.ceil(texts.size / blockTokens));
  for (let block = 0; block < hashes.length; block++) hashes[block] = blockHash(texts, block);
  return hashes;
}

function blockHash(texts: TokenTexts, block: number): number {
  let hash = 0x811c9dc5;
  const mix = (byte: number): void => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  const to = Math.min(texts.size, (block + 1) * blockTokens);
  for (let token = block * blockTokens; token < to; token++) {
    toUtf8(texts.tokenText(token)).forEach(mix);
    mix(endOfTextByte);
  }
  return hash >>> 0;
}

/**
 * The first block whose hashes differ or that one side lacks, or null. Blocks of different lengths
 * have different hashes.
 */
export function firstDifferingBlock(target: Uint32Array, draft: Uint32Array): number | null {
  const blockCount = Math.max(target.length, draft.length);
  for (let block = 0; block < blockCount; block++) if (target[block] !== draft[block]) return block;
  return null;
}

/** The server's side of a block, for Failure; without texts if the target has no such block. */
export function vocabularyBlockOf(texts: TokenTexts, block: number): VocabularyBlock {
  const from = Math.min(texts.size, block * blockTokens);
  const count = Math.min(texts.size - from, blockTokens);
  return {
    vocabSize: texts.size,
    from,
    texts: Array.from({ length: count }, (_, index) => shown(texts, from + index)),
  };
}

/** Both sides cut a text before they compare it, so that it fits a Failure. */
function shown(texts: TokenTexts, token: number): string {
  return cutText(texts.tokenText(token), limits.tokenTextBytes.value);
}

/**
 * Describes the first difference.
 *
 * @param target the block from Failure; null: the block hashes agree.
 * @param draft the device's own vocabulary.
 */
export function differenceText(target: VocabularyBlock | null, draft: TokenTexts): string {
  if (target === null) return onlyKindsDiffer;
  const { from, texts, vocabSize } = target;
  const sent = { size: vocabSize, tokenText: (token: number) => texts[token - from]! };
  const own = { size: draft.size, tokenText: (token: number) => shown(draft, token) };
  return (
    firstDifference(sent, own, from, from + texts.length) ??
    `tokens ${from} to ${from + texts.length - 1} differ beyond the first ${limits.tokenTextBytes.value} bytes of their texts`
  );
}
