// Checks the index against a search of the whole text: after any additions and cuts it finds the
// same places. Checks its memory.
//
// Processor time of a token on one core of an x64 machine (Node 20): 0.2 µs to read it in a prompt;
// to write it, with a guess of 8 tokens before, 1 to 4 µs in stories and source files, 4 to 11 µs
// with a pool of 16 texts, 11 µs in a text of one token only.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchLengthMax, placesMax, SuffixText, suffixLengths } from './suffix-text.js';

function textOf(tokens: readonly number[]): SuffixText {
  const text = new SuffixText();
  for (const token of tokens) text.append(token);
  return text;
}

/** Tokens before `place` of `text` that end `ending`, at most 64. */
function shared(text: readonly number[], place: number, ending: readonly number[]): number {
  const most = Math.min(place, ending.length, matchLengthMax);
  let length = 0;
  while (length < most && text[place - 1 - length] === ending[ending.length - 1 - length]) length++;
  return length;
}

/** What `find` promises, by trying every place for every length. */
function search(text: readonly number[], ending: readonly number[]) {
  for (const least of suffixLengths) {
    const places = Array.from(text, (_, place) => place)
      .reverse()
      .filter((place) => place > 0 && shared(text, place, ending) >= least)
      .slice(0, placesMax);
    if (places.length === 0) continue;
    const length = Math.max(...places.map((place) => shared(text, place, ending)));
    const first = places.find((place) => shared(text, place, ending) === length)!;
    const others = places.filter(
      (place) => place !== first && shared(text, place, ending) >= 0.75 * length,
    );
    return { length, places: [first, ...others] };
  }
  return null;
}

function found(text: SuffixText, ending: SuffixText, longerThan?: number) {
  const match = text.find(ending, longerThan);
  return match && { length: match.length, places: match.places };
}

const anyToken = fc.integer({ min: 0, max: 2 });
const anyPiece = fc.array(anyToken, { minLength: 1, maxLength: 12 });
/** Pieces of a few kinds again and again: short and long repetitions. */
const anyText = fc
  .record({
    pieces: fc.array(anyPiece, { minLength: 1, maxLength: 4 }),
    order: fc.array(fc.nat(3), { maxLength: 10 }),
  })
  .map(({ pieces, order }) => order.flatMap((index) => pieces[index % pieces.length]!));

describe('the index of a text', () => {
  it('finds the places that a search of the whole text finds', () => {
    fc.assert(
      fc.property(anyText, (tokens) => {
        const text = textOf(tokens);
        assert.deepEqual(found(text, text), search(tokens, tokens));
      }),
      { numRuns: 2000 },
    );
  });

  it('finds them in another text too, and only longer ones where that is asked', () => {
    fc.assert(
      fc.property(anyText, anyText, fc.nat(20), (tokens, ending, longerThan) => {
        const expected = search(tokens, ending);
        const isLonger = expected !== null && expected.length > longerThan;
        const match = found(textOf(tokens), textOf(ending), longerThan);
        assert.deepEqual(match, isLonger ? expected : null);
      }),
      { numRuns: 2000 },
    );
  });

  it('is after any additions and cuts as if the text had been written at once', () => {
    const anyStep = fc.record({ cut: fc.nat(60), tokens: anyText });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 4 }), anyText, (steps, ending) => {
        const text = new SuffixText();
        let tokens: number[] = [];
        for (const { cut, tokens: more } of steps) {
          tokens = [...tokens.slice(0, cut), ...more];
          text.truncate(Math.min(cut, text.length));
          for (const token of more) text.append(token);
          assert.deepEqual([...text.slice(0, text.length)], tokens);
          const written = textOf(tokens);
          assert.deepEqual(found(text, text), found(written, written));
          assert.deepEqual(found(text, textOf(ending)), found(written, textOf(ending)));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('finds the longest of all matches where few places compete', () => {
    const anyTokens = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 100 });
    fc.assert(
      fc.property(anyTokens, (tokens) => {
        const lengths = tokens.map((_, place) => shared(tokens, place, tokens));
        const text = textOf(tokens);
        const repeats = tokens.filter((token) => token === tokens.at(-1)).length;
        fc.pre(repeats <= placesMax);
        assert.equal(text.find(text)?.length ?? 0, Math.max(0, ...lengths));
      }),
    );
  });

  it('holds at most 104 bytes a token, and 3.3 kB for the shortest text', () => {
    const text = new SuffixText();
    assert.equal(text.bytes, SuffixText.bytesMaxOf(0));
    assert.ok(text.bytes <= 3328, `${text.bytes} bytes`);
    for (let length = 1; length <= 5000; length++) {
      text.append(length % 700);
      assert.ok(text.bytes <= SuffixText.bytesMaxOf(length), `${text.bytes} bytes at ${length}`);
    }
    assert.equal(SuffixText.bytesMaxOf(5000), 104 * 5000);
    text.truncate(0);
    assert.equal(text.find(text), null);
  });
});
