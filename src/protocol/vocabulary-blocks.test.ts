// Tests that block hashes and texts lead two ends to the first token in which their vocabularies
// differ.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  blockHashesOf,
  differenceText,
  firstDifferingBlock,
  type TokenTexts,
  vocabularyBlockOf,
} from './vocabulary-blocks.js';

const vocabulary = (size: number, changes: Record<number, string> = {}): TokenTexts => ({
  size,
  tokenText: (token) => {
    assert.ok(token >= 0 && token < size, `token ${token} of ${size}`);
    return changes[token] ?? `t${token}`;
  },
});

/** The message that a device receives, after encoding and decoding. */
function toldOf(target: TokenTexts, draft: TokenTexts): string {
  const block = firstDifferingBlock(blockHashesOf(target), blockHashesOf(draft));
  return differenceText(block === null ? null : vocabularyBlockOf(target, block), draft);
}

describe('vocabulary blocks', () => {
  it('name the first token that differs', () => {
    const target = vocabulary(1000, { 312: '▁cat', 999: 'x' });
    assert.equal(
      toldOf(target, vocabulary(1000, { 312: '▁dog' })),
      'first difference at id 312: "▁cat" in the target, "▁dog" in the draft',
    );
    assert.equal(
      toldOf(target, vocabulary(800, { 312: '▁cat', 799: 'y' })),
      'first difference at id 799: "t799" in the target, "y" in the draft',
    );
  });

  it('name the sizes where one vocabulary begins with the other', () => {
    for (const [target, draft] of [
      [1000, 900],
      [900, 1000],
      [512, 1024],
      [1024, 512],
      [256, 257],
      [257, 256],
    ] as const) {
      assert.equal(
        toldOf(vocabulary(target), vocabulary(draft)),
        `the first ${Math.min(target, draft)} tokens agree, but the target has ${target} and the draft ${draft}`,
      );
    }
  });

  it('admit that they see texts only', () => {
    assert.equal(
      toldOf(vocabulary(300), vocabulary(300)),
      'all token texts agree, but kinds or special tokens differ',
    );
    const long = 'x'.repeat(128);
    assert.equal(
      toldOf(vocabulary(300, { 290: `${long}a` }), vocabulary(300, { 290: `${long}b` })),
      'tokens 256 to 299 differ beyond the first 128 bytes of their texts',
    );
  });

  it('differ when a text moves across the border of its neighbour', () => {
    const first = blockHashesOf(vocabulary(2, { 0: 'ab', 1: 'c' }));
    const second = blockHashesOf(vocabulary(2, { 0: 'a', 1: 'bc' }));
    assert.notDeepEqual(first, second);
  });

  it('are FNV-1a over the texts, each followed by 0xff', () => {
    // Of the bytes 61 ff, worked out by hand: ((basis ^ 0x61) * prime ^ 0xff) * prime modulo 2^32.
    let hash = 0x811c9dc5n;
    for (const byte of [0x61n, 0xffn]) hash = BigInt.asUintN(32, (hash ^ byte) * 0x01000193n);
    assert.deepEqual(blockHashesOf(vocabulary(1, { 0: 'a' })), Uint32Array.of(Number(hash)));
  });

  it('carry at most one block of short texts', () => {
    const block = vocabularyBlockOf(vocabulary(700, { 256: 'ä'.repeat(200) }), 1);
    assert.equal(block.from, 256);
    assert.equal(block.texts.length, 256);
    assert.equal(block.texts[0], 'ä'.repeat(64));
    assert.deepEqual(vocabularyBlockOf(vocabulary(256), 1), {
      vocabSize: 256,
      from: 256,
      texts: [],
    });
  });
});
