// Checks that a session's look-up guesses long where a text repeats itself, stays silent where it
// does not, and learns which of the two it is.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SuffixLookUp, suffixDefaults } from './suffix-look-up.js';
import { SuffixPool } from './suffix-pool.js';

/** Tokens below `vocabulary` that look random (a 32-bit generator of Numerical Recipes). */
function noise(count: number, vocabulary: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * vocabulary);
  });
}

/** Writes a text as a decoder would that tests every guess. */
function write(lookUp: SuffixLookUp, text: readonly number[], limits = suffixDefaults) {
  const counts = { rounds: 0, fired: 0, drafted: 0, accepted: 0 };
  for (let at = 0; at < text.length; ) {
    const countMax = Math.min(limits.countMax, text.length - at - 1);
    const { tokens } = lookUp.guess({ ...limits, countMax });
    let accepted = 0;
    while (accepted < tokens.length && tokens[accepted] === text[at + accepted]) accepted++;
    counts.rounds++;
    counts.fired += tokens.length > 0 ? 1 : 0;
    counts.drafted += tokens.length;
    counts.accepted += accepted;
    lookUp.append(text.slice(at, at + accepted + 1));
    at += accepted + 1;
  }
  return counts;
}

describe('the look-up of a session', () => {
  it('fires on fewer than 2 % of the positions of a random text after 200 tokens', () => {
    for (const vocabulary of [16, 64, 1024]) {
      for (const seed of [1, 2, 3]) {
        const lookUp = new SuffixLookUp({ promptLength: 0 });
        write(lookUp, noise(200, vocabulary, seed));
        const { fired, rounds } = write(lookUp, noise(2000, vocabulary, seed + 100));
        assert.ok(fired < 0.02 * rounds, `${fired} of ${rounds} at ${vocabulary}`);
      }
    }
  });

  it('guesses right and long where a paragraph comes again, from its first few tokens on', () => {
    const paragraph = noise(200, 500, 9);
    const lookUp = new SuffixLookUp({ promptLength: 0 });
    write(lookUp, [...noise(300, 500, 8), ...paragraph, ...noise(100, 500, 7)]);
    const { rounds, drafted, accepted } = write(lookUp, paragraph);
    assert.ok(rounds <= 20, `${rounds} rounds for 200 tokens`);
    assert.ok(accepted >= 0.95 * drafted, `${accepted} of ${drafted}`);
  });

  it('falls silent where a repeated beginning always goes on in another way', () => {
    const lookUp = new SuffixLookUp({ promptLength: 0 });
    const beginning = [1, 2, 3, 4, 5, 6];
    const lines = Array.from({ length: 80 }, (_, line) => [...beginning, 100 + line]);
    for (const line of lines) lookUp.append(line);
    lookUp.append(beginning);
    assert.deepEqual(lookUp.guess({ countMax: 8, chanceMin: 0.1 }).tokens, []);
    // And still tells the beginning, which does come again.
    lookUp.append([7, 1, 2, 3]);
    assert.deepEqual(lookUp.guess(suffixDefaults).tokens, [4, 5, 6]);
  });

  it('cuts a guess where the product of its chances falls below the least, and at the count', () => {
    const lookUp = new SuffixLookUp({ promptLength: 1000 });
    lookUp.append([...noise(60, 100, 4), ...noise(12, 100, 4)]);
    const whole = lookUp.guess({ countMax: 40, chanceMin: 0 });
    assert.deepEqual(whole.tokens, noise(52, 100, 4).slice(12));
    assert.equal(whole.matchLength, 12);
    assert.equal(whole.chances.length, 40);
    assert.ok(whole.chances[39]! > whole.chances[0]!, 'a longer match is more certain');
    assert.ok(whole.chances.every((chance) => chance > 0 && chance < 1));
    let product = 1;
    for (const [index, chance] of whole.chances.entries()) {
      const { tokens } = lookUp.guess({ countMax: 40, chanceMin: product });
      assert.ok(tokens.length >= index, `${tokens.length} tokens above ${product}`);
      product *= chance;
      const cut = lookUp.guess({ countMax: 40, chanceMin: product * 1.000001 });
      assert.equal(cut.tokens.length, index);
    }
    assert.equal(lookUp.guess({ countMax: 5, chanceMin: 0 }).tokens.length, 5);
    assert.equal(lookUp.guess({ countMax: 0, chanceMin: 0 }).tokens.length, 0);
  });

  it('tells what most of the places tell, with a chance by how far they agree', () => {
    const ways = (...last: number[]) => {
      const lookUp = new SuffixLookUp({ promptLength: 1000 });
      for (const [index, token] of last.entries()) lookUp.append([1, 2, 3, token, 50 + index]);
      lookUp.append([1, 2, 3]);
      return lookUp.guess({ countMax: 1, chanceMin: 0 });
    };
    const agreed = ways(4, 4, 4, 4);
    const majority = ways(4, 4, 4, 5);
    const open = ways(4, 5, 6, 7);
    assert.deepEqual(
      [agreed, majority].map(({ tokens }) => tokens[0]),
      [4, 4],
    );
    assert.equal(open.tokens[0], 7, 'the newest of equally frequent ones');
    assert.ok(agreed.chances[0]! > majority.chances[0]!);
    assert.ok(majority.chances[0]! > open.chances[0]!);
  });

  it('goes on with its own guess where a text repeats itself', () => {
    const lookUp = new SuffixLookUp({ promptLength: 1000 });
    lookUp.append([9, 1, 2, 3, 1, 2, 3]);
    assert.deepEqual(lookUp.guess({ countMax: 7, chanceMin: 0 }).tokens, [1, 2, 3, 1, 2, 3, 1]);
  });

  it('guesses behind another ending as if that were its text, and is unchanged by it', () => {
    const anyTokens = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 });
    const limits = { countMax: 6, chanceMin: 0 };
    fc.assert(
      fc.property(anyTokens, anyTokens, fc.nat(60), (text, tokens, cut) => {
        const from = Math.min(cut, text.length);
        const lookUp = new SuffixLookUp({ promptLength: 1000 });
        lookUp.append(text);
        const before = lookUp.guess(limits);
        const other = new SuffixLookUp({ promptLength: 1000 });
        other.append([...text.slice(0, from), ...tokens]);
        assert.deepEqual(lookUp.guess(limits, { from, tokens }), other.guess(limits));
        assert.deepEqual(lookUp.guess(limits), before);
        assert.equal(lookUp.length, text.length);
      }),
    );
  });

  it('finds nothing of what was taken back', () => {
    const lookUp = new SuffixLookUp({ promptLength: 1000 });
    lookUp.append([1, 2, 3, 4, 5]);
    lookUp.truncate(3);
    lookUp.append([9, 1, 2, 3]);
    assert.deepEqual(lookUp.guess({ countMax: 2, chanceMin: 0 }).tokens, [9, 1]);
    assert.throws(() => lookUp.truncate(8), /length 8 of 7/);
  });

  it('learns nothing from a prompt', () => {
    const chancesAfter = (promptLength: number) => {
      const lookUp = new SuffixLookUp({ promptLength });
      const lines = Array.from({ length: 40 }, (_, line) => [1, 2, 3, 100 + line]);
      lookUp.append([...lines.flat(), 1, 2, 3]);
      return lookUp.guess({ countMax: 1, chanceMin: 0 });
    };
    const read = chancesAfter(1000);
    const fresh = new SuffixLookUp({ promptLength: 1000 });
    fresh.append([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3]);
    assert.deepEqual(read.chances, fresh.guess({ countMax: 1, chanceMin: 0 }).chances);
    assert.ok(chancesAfter(0).chances[0]! < read.chances[0]! / 2);
  });

  it('believes less in matches of a kind it has not seen after others were wrong', () => {
    const chanceAfter = (next: (line: number) => number) => {
      const lookUp = new SuffixLookUp({ promptLength: 0 });
      for (let line = 0; line < 40; line++) lookUp.append([1, next(line)]);
      const passage = [60, 61, 62, 63, 64, 65];
      lookUp.append([...passage, 66]);
      const ending = { from: lookUp.length, tokens: passage };
      return lookUp.guess({ countMax: 1, chanceMin: 0 }, ending);
    };
    const [wrong] = chanceAfter((line) => 100 + line).chances;
    const [right] = chanceAfter(() => 2).chances;
    assert.ok(wrong! < 0.6 && right! > 0.75, `${wrong} and ${right}`);
  });

  it('begins with what other sessions of its key have learnt, and of no other', () => {
    const pool = new SuffixPool();
    const teach = (keyPool: SuffixPool) => {
      const teacher = new SuffixLookUp({ promptLength: 0, pool: keyPool });
      for (let line = 0; line < 40; line++) teacher.append([1, 2, 3, 100 + line]);
      teacher.close(false);
    };
    teach(pool);
    const chanceIn = (keyPool: SuffixPool) => {
      const lookUp = new SuffixLookUp({ promptLength: 1000, pool: keyPool });
      lookUp.append([7, 8, 9, 4, 7, 8, 9, 5, 7, 8, 9]);
      return lookUp.guess({ countMax: 1, chanceMin: 0 }).chances[0]!;
    };
    assert.ok(chanceIn(pool) < chanceIn(new SuffixPool()) / 2);
  });
});
