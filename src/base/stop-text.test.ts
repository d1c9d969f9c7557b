// Tests that stop strings are found across any cut into pieces, and that no text after them is
// shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkStops, StopText } from './stop-text.js';

function cut(pieces: readonly string[], stops: readonly string[]) {
  const stop = new StopText(stops);
  const shown = pieces.map((piece) => stop.push(piece));
  return { shown, text: shown.join('') + stop.end(), stopped: stop.stopped };
}

test('a stop string is found across pieces, and the text ends before it', () => {
  const { shown, text, stopped } = cut(['one <', 'e', 'nd', '> two'], ['<end>']);
  assert.deepEqual(shown, ['one ', '', '', '']);
  assert.deepEqual([text, stopped], ['one ', true]);
});

test('what only begins like a stop string is shown as soon as it cannot become one', () => {
  const { shown, stopped } = cut(['a\n', 'b\n', '\nc'], ['\n\n']);
  assert.deepEqual([shown, stopped], [['a', '\nb', ''], true]);
  assert.deepEqual(cut(['a<e'], ['<end>']), { shown: ['a'], text: 'a<e', stopped: false });
});

test('of several stop strings the earliest counts, for every cut into pieces', () => {
  const unit = fc.constantFrom('a', 'b');
  const stops = fc.array(fc.string({ unit, minLength: 1, maxLength: 4 }), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(fc.string({ unit, maxLength: 3 })), stops, (pieces, words) => {
      const whole = pieces.join('');
      const ends = words.map((word) => whole.indexOf(word)).filter((at) => at >= 0);
      const { text, stopped } = cut(pieces, words);
      assert.equal(stopped, ends.length > 0);
      // A shorter stop string may be complete before one that begins earlier: the text ends no
      // later than it.
      const earliest = Math.min(whole.length, ...ends);
      assert.ok(whole.startsWith(text) && text.length >= earliest);
      assert.ok(words.every((word) => !text.includes(word)));
      if (!stopped) assert.equal(text, whole);
    }),
  );
});

test('an empty stop string and too many are refused', () => {
  assert.throws(() => checkStops(['a', '']), { code: 'usage' });
  assert.throws(() => checkStops(Array.from({ length: 17 }, () => 'a')), { code: 'usage' });
  checkStops(Array.from({ length: 16 }, () => 'a'));
});
