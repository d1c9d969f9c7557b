// Tests that texts are cut at whole characters, and that UTF-8 is encoded and recognised correctly.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../base/any-text.suite.js';
import { cutText, fromUtf8, toUtf8 } from './utf8.js';

describe('cutting a text', () => {
  it('keeps the longest beginning that fits, whole characters only', () => {
    fc.assert(
      fc.property(anyText(30), fc.nat(40), (whole, bytesMax) => {
        const cut = cutText(whole, bytesMax);
        assert.ok(whole.startsWith(cut));
        assert.ok(Buffer.byteLength(cut) <= bytesMax);
        const next = [...whole.slice(cut.length)][0];
        assert.ok(next === undefined || Buffer.byteLength(cut + next) > bytesMax);
        assert.equal(fromUtf8(toUtf8(cut)), cut);
      }),
    );
  });
});

describe('the length of a character', () => {
  it('is one byte up to U+007F, two up to U+07FF, three up to U+FFFF, then four', () => {
    for (const [codePoint, length] of [
      [0x7f, 1],
      [0x80, 2],
      [0x7ff, 2],
      [0x800, 3],
      [0xffff, 3],
      [0x10000, 4],
    ] as const) {
      const character = String.fromCodePoint(codePoint);
      assert.equal(cutText(character, length), character);
      assert.equal(cutText(character, length - 1), '');
    }
  });
});

describe('UTF-8', () => {
  it('of a lone surrogate is the replacement character', () => {
    assert.deepEqual(toUtf8('\ud800'), Uint8Array.of(0xef, 0xbf, 0xbd));
    assert.equal(cutText('\ud800\ud800', 5), '\ud800');
  });

  it('keeps a byte order mark', () => {
    assert.equal(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), '\ufeffa');
  });

  it('is told from other bytes', () => {
    assert.equal(fromUtf8(Uint8Array.of(0xff)), null);
    assert.equal(fromUtf8(Uint8Array.of(0xc0, 0x80)), null);
    assert.equal(fromUtf8(Uint8Array.of(0xe2, 0x82)), null);
  });
});
