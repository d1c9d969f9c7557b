// Checks that a pool keeps its bounds, lets the text go that was used least recently, and prefers
// the longest match.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SuffixLookUp } from './suffix-look-up.js';
import { SuffixPool } from './suffix-pool.js';
import { SuffixText } from './suffix-text.js';

function textOf(...tokens: number[]): SuffixText {
  const text = new SuffixText();
  for (const token of tokens) text.append(token);
  return text;
}

/** A look-up whose text ends here. */
function session(pool: SuffixPool | null, ...tokens: number[]): SuffixLookUp {
  const lookUp = new SuffixLookUp({ promptLength: tokens.length, pool });
  lookUp.append(tokens);
  return lookUp;
}

const guessed = (lookUp: SuffixLookUp) => lookUp.guess({ countMax: 3, chanceMin: 0.01 }).tokens;

describe('a pool of texts', () => {
  it('keeps its bounds whatever comes, and the texts used last', () => {
    const anyGrowth = fc.record({ text: fc.nat(7), count: fc.nat(300) });
    const growthsOf = fc.array(anyGrowth, { maxLength: 60 });
    fc.assert(
      fc.property(growthsOf, fc.integer({ min: 0, max: 5 }), (growths, textsMax) => {
        const bytesMax = 60_000;
        const pool = new SuffixPool({ bytesMax, textsMax });
        const texts = Array.from({ length: 8 }, () => new SuffixText());
        let held: SuffixText[] = [];
        const sum = () => held.reduce((bytes, text) => bytes + text.bytes, 0);
        for (const { text: index, count } of growths) {
          const text = texts[index]!;
          for (let added = 0; added < count; added++) text.append(1000 * index + text.length);
          pool.touch(text);
          held = [text, ...held.filter((one) => one !== text)];
          if (text.bytes > bytesMax) held.shift();
          while (held.length > textsMax || sum() > bytesMax) held.pop();
          assert.equal(pool.bytes, sum());
          assert.equal(pool.textCount, held.length);
          for (const [other, { length }] of texts.entries()) {
            if (length < 3) continue;
            const found = pool.find(textOf(1000 * other, 1000 * other + 1), 0);
            assert.equal(found?.text ?? null, held.includes(texts[other]!) ? texts[other]! : null);
          }
        }
      }),
    );
  });

  it('lets the text go that was used least recently, and finds nothing in it any more', () => {
    const pool = new SuffixPool({ bytesMax: 50_000, textsMax: 2 });
    const [one, two] = [textOf(1, 2, 3, 4), textOf(5, 6, 7, 8)];
    pool.touch(one);
    pool.touch(two);
    pool.touch(one);
    pool.touch(textOf(9, 9));
    assert.equal(pool.find(textOf(1, 2, 3), 0)?.text, one);
    assert.equal(pool.find(textOf(5, 6, 7), 0), null);
    pool.remove(one);
    assert.equal(pool.find(textOf(1, 2, 3), 0), null);
    pool.touch(textOf(...Array.from({ length: 1000 }, (_, index) => index)));
    assert.equal(pool.textCount, 1, 'the last is larger than the pool');
  });

  it('gives the longest match, of equally long ones that of the text used last', () => {
    const pool = new SuffixPool();
    const [short, long, recent] = [textOf(3, 4, 7), textOf(2, 3, 4, 8), textOf(2, 3, 4, 9)];
    for (const text of [long, recent, short]) pool.touch(text);
    const ending = textOf(1, 2, 3, 4);
    assert.deepEqual(pool.find(ending, 0), { text: recent, length: 3, places: [3] });
    assert.equal(pool.find(ending, 3), null);
    pool.touch(long);
    assert.equal(pool.find(ending, 2)?.text, long);
  });

  it("gives a session its own text's match unless another text's is longer", () => {
    const pool = new SuffixPool();
    session(pool, 1, 2, 3, 7, 7);
    assert.deepEqual(guessed(session(pool, 2, 3, 8, 8, 5, 2, 3)), [8, 8, 5], 'a tie');
    assert.deepEqual(guessed(session(pool, 2, 3, 8, 8, 1, 2, 3)), [7, 7]);
  });

  it('shows the texts of growing and of finished sessions, as far as they are written', () => {
    const pool = new SuffixPool();
    const growing = session(pool, 1, 2, 3);
    assert.deepEqual(guessed(session(pool, 1, 2, 3)), []);
    growing.append([4, 5]);
    const other = session(pool, 1, 2, 3);
    assert.deepEqual(guessed(other), [4, 5]);
    growing.truncate(4);
    assert.deepEqual(guessed(other), [4]);
    growing.close(true);
    assert.deepEqual(guessed(other), [4]);
    growing.close(false);
    assert.deepEqual(guessed(other), []);
  });

  it('keeps a text that guesses come from longer than one that was read later', () => {
    const pool = new SuffixPool({ bytesMax: 2 ** 20, textsMax: 3 });
    session(pool, 1, 2, 3, 4, 5);
    session(pool, 6, 7, 8, 9);
    const asking = session(pool, 1, 2, 3);
    assert.deepEqual(guessed(asking), [4, 5]);
    session(pool, 20, 21);
    assert.deepEqual(guessed(asking), [4, 5]);
    assert.equal(pool.find(textOf(6, 7, 8), 0), null);
  });

  it('shows nothing of a key to another', () => {
    const [mine, theirs] = [new SuffixPool(), new SuffixPool()];
    session(mine, 1, 2, 3, 4, 5, 6);
    assert.deepEqual(guessed(session(theirs, 1, 2, 3)), []);
    assert.deepEqual(guessed(session(null, 1, 2, 3)), []);
    assert.deepEqual(guessed(session(mine, 1, 2, 3)), [4, 5, 6]);
  });
});
