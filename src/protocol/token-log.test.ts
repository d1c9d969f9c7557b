// Tests the token log against a plain array: pushed and appended tokens come back, at any length.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TokenLog } from './token-log.js';

const tokens = fc.array(fc.nat({ max: 500_000 }), { maxLength: 200 });

describe('token log', () => {
  it('gives back what was put in, however it came and however often it grew', () => {
    fc.assert(
      fc.property(tokens, fc.array(tokens, { maxLength: 6 }), tokens, (first, pieces, singles) => {
        const log = new TokenLog(first);
        for (const piece of pieces) log.append(Int32Array.from(piece));
        for (const token of singles) log.push(token);
        const all = [first, ...pieces, singles].flat();
        assert.equal(log.length, all.length);
        assert.deepEqual([...log.slice(0)], all);
        all.forEach((token, position) => {
          assert.equal(log.at(position), token);
        });
        const [from, to] = [Math.floor(all.length / 3), Math.floor(all.length / 2)];
        assert.deepEqual([...log.slice(from, to)], all.slice(from, to));
      }),
    );
  });

  it('grows for many tokens at once, as for one', () => {
    const many = Array.from({ length: 1000 }, (_, index) => index);
    const log = new TokenLog(many);
    log.append(many);
    log.push(7);
    assert.deepEqual([...log.slice(0)], [...many, ...many, 7]);
  });

  it('keeps its own copy', () => {
    const given = Int32Array.of(4, 5, 6);
    const log = new TokenLog(given);
    given[0] = 9;
    log.slice(0)[1] = 9;
    assert.deepEqual([...log.slice(0)], [4, 5, 6]);
  });

  it('counts the tokens that two logs share, up to a length', () => {
    const [one, other] = [new TokenLog([1, 2, 3, 4]), new TokenLog([1, 2, 3, 5, 6])];
    assert.equal(one.sharedPrefix(other, 10), 3);
    assert.equal(one.sharedPrefix(other, 2), 2);
    assert.equal(one.sharedPrefix(new TokenLog(), 10), 0);
    assert.equal(one.sharedPrefix(one, 10), 4);
  });

  it('knows nothing beyond its end', () => {
    const log = new TokenLog([1]);
    for (const position of [-1, 1, 63, Number.NaN]) assert.throws(() => log.at(position));
    assert.throws(() => log.slice(0, 2));
    assert.throws(() => log.slice(2));
  });
});
