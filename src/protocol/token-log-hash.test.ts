// Tests the hash of a token log against FNV-1a as published, and its growth.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TokenLogHash, tokenLogHash } from './token-log-hash.js';

const token = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const tokens = fc.array(token, { maxLength: 50 }).map((values) => Int32Array.from(values));

/** FNV-1a, 64 bits, by its definition. */
function reference(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

describe('the hash of a token log', () => {
  it('is FNV-1a over the ids as four bytes each, lowest first', () => {
    fc.assert(
      fc.property(tokens, (log) => {
        const bytes = new Uint8Array(log.length * 4);
        const view = new DataView(bytes.buffer);
        log.forEach((id, index) => {
          view.setUint32(index * 4, id, true);
        });
        assert.equal(tokenLogHash(log), reference(bytes));
      }),
    );
  });

  it('has these values', () => {
    assert.equal(tokenLogHash(new Int32Array(0)), 0xcbf29ce484222325n);
    assert.equal(tokenLogHash(Int32Array.of(1, 9038, 2501)), 0xe17353d8ecbc67adn);
  });

  it('grows with the log', () => {
    fc.assert(
      fc.property(tokens, tokens, (first, second) => {
        const hash = new TokenLogHash();
        hash.push(first);
        hash.push(second);
        assert.equal(hash.value, tokenLogHash(Int32Array.of(...first, ...second)));
        assert.equal(hash.length, first.length + second.length);
      }),
    );
  });

  it('differs for logs that differ in one token, in order or in length', () => {
    const log = Int32Array.from({ length: 200 }, (_, index) => index);
    const others = [
      log.with(100, 7),
      log.with(0, 1),
      log.slice(0, 199),
      log.toReversed(),
      Int32Array.of(...log, 0),
    ];
    assert.equal(new Set([log, ...others].map(tokenLogHash)).size, others.length + 1);
  });
});
