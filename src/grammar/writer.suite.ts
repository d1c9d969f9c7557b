// Shares tools of the grammar tests: a vocabulary of bytes and some words, and a writer that takes
// any allowed token until the text ends.

import assert from 'node:assert/strict';
import { isAllowed } from '../math/token-mask.js';
import { utf8Of } from './expression.js';
import type { Grammar } from './grammar.js';
import { GrammarCache } from './grammar-cache.js';
import type { TokenTable } from './token-trie.js';

const encoder = new TextEncoder();

/** Tokens of several bytes: across JSON's structure, halves of characters, twice the same. */
const words = [
  '{"',
  '":',
  '", "',
  '"}',
  '},',
  '[1',
  'null',
  'true',
  ' "a',
  'aaaa',
  'ab"',
  '1.5',
  '\n  ',
  '\\u00',
  'é',
  '"]}',
  '": {"',
  'a"',
  'null',
];
const halves = [[0xc3], [0xa9, 0x22], [0xf0, 0x9f], [0x98, 0x80], [0x22, 0xc3]];

export const endToken = 256;
/** Token b is byte b; 256 ends a text; 257 has no bytes; then the words. */
export const byteVocabulary: TokenTable = {
  size: 258 + words.length + halves.length,
  endOfText: new Set([endToken]),
  tokenBytes: (token) => {
    if (token < 256) return Uint8Array.of(token);
    if (token < 258) return new Uint8Array(0);
    const index = token - 258;
    return index < words.length
      ? encoder.encode(words[index])
      : Uint8Array.from(halves[index - words.length]!);
  },
};

const cache = new GrammarCache(byteVocabulary);

export const grammarOf = (schema: unknown): Grammar => cache.grammarOf(JSON.stringify(schema));

/** Whether a grammar lets a text be written byte by byte, and end there. */
export function accepts(grammar: Grammar, text: string): boolean {
  let state = grammar.start;
  for (const byte of utf8Of(text)) {
    if (!isAllowed(grammar.mask(state), byte)) return false;
    state = grammar.advance(state, byte);
  }
  return state?.isComplete ?? false;
}

/** Tokens that end a text soon, best first. */
const closers = Array.from('"}]0e1nulxb', (letter) => letter.charCodeAt(0));

/**
 * A text of a grammar.
 *
 * @param choose an index below its argument.
 * @param freeCount number of freely chosen tokens; then the text is ended quickly.
 */
export function writeText(
  grammar: Grammar,
  choose: (count: number) => number,
  freeCount: number,
): string {
  const bytes: number[] = [];
  let state = grammar.start;
  for (let count = 0; ; count++) {
    assert.ok(count < freeCount + 20_000, 'the text does not end');
    const mask = grammar.mask(state);
    const allowed = Array.from({ length: byteVocabulary.size }, (_, token) => token).filter(
      (token) => isAllowed(mask, token),
    );
    assert.ok(allowed.length > 0, `nothing may follow ${bytes}`);
    const isHurried = count >= freeCount;
    if (allowed.includes(endToken) && (isHurried || choose(4) === 0)) {
      return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
    }
    // Not always, because repeating one closer might never satisfy a pattern.
    const closer =
      isHurried && choose(4) > 0 ? closers.find((token) => allowed.includes(token)) : undefined;
    const token =
      closer ?? allowed.filter((one) => one !== endToken)[choose(allowed.length)] ?? allowed[0]!;
    if (token === endToken) continue;
    bytes.push(...byteVocabulary.tokenBytes(token));
    state = grammar.advance(state, token);
  }
}
