// Checks marked tokens as text, with and without colour.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { LineFit } from './line-fit.js';
import { legendEntries, type TokenMark, TokenStream } from './render.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function collect(colour: boolean, use: (stream: TokenStream) => void): string {
  let written = '';
  const stream = new TokenStream(
    (text) => {
      written += text;
    },
    { colour },
  );
  use(stream);
  stream.end();
  return written;
}

const twoRounds = (stream: TokenStream): void => {
  stream.push('prompt', bytes('Once'));
  stream.push('accepted', bytes(' upon'));
  stream.push('rejected', bytes(' the'));
  stream.push('rejected', bytes(' time'));
  stream.push('residual', bytes(' a'));
  stream.push('accepted', bytes(' time'));
  stream.push('bonus', bytes(','));
};

test('without colour a verdict reads like a marked correction', () => {
  assert.equal(collect(false, twoRounds), 'Once upon[- the time-]{+ a+} time{*,*}');
});

test('each mark has its own colour, and rejected tokens are struck through', () => {
  const struck = (text: string) =>
    `\u001b[31m\u001b[2m\u001b[9m${text}\u001b[29m\u001b[22m\u001b[39m`;
  assert.equal(
    collect(true, twoRounds),
    '\u001b[1mOnce\u001b[22m\u001b[32m upon\u001b[39m' +
      struck(' the') +
      struck(' time') +
      '\u001b[33m a\u001b[39m\u001b[32m time\u001b[39m\u001b[36m,\u001b[39m',
  );
});

test('a character split over tokens is shown once, whole', () => {
  const [first, second] = [bytes('é').subarray(0, 1), bytes('é').subarray(1)];
  const written = collect(false, (stream) => {
    stream.push('accepted', first);
    stream.push('rejected', bytes('x'));
    stream.push('bonus', second);
  });
  assert.equal(written, '[-x-]{*é*}');
});

test('an unfinished character at the end is shown as such', () => {
  assert.equal(
    collect(false, (stream) => stream.push('plain', bytes('é').subarray(0, 1))),
    '\ufffd',
  );
});

test('the text of a model cannot steer the terminal', () => {
  const hostile = bytes('a\u001b[2J\u009b31m\r\u0007b\n\tc');
  for (const mark of ['plain', 'accepted', 'rejected'] as const) {
    const written = collect(false, (stream) => stream.push(mark, hostile));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be gone
    assert.doesNotMatch(written, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  }
  assert.equal(
    collect(false, (stream) => stream.push('rejected', bytes('a\n\tb'))),
    '[-a⏎⇥b-]',
  );
});

test('what is left without rejected tokens and marks is the text', () => {
  const marks: TokenMark[] = ['plain', 'accepted', 'residual', 'bonus'];
  const token = fc.tuple(
    fc.constantFrom(...marks),
    fc.string({ unit: fc.constantFrom(...'ab é模\n') }),
  );
  fc.assert(
    fc.property(fc.array(token), (tokens) => {
      const written = collect(true, (stream) => {
        for (const [mark, text] of tokens) {
          stream.push('rejected', bytes('X'));
          // Byte by byte, as byte-fallback tokens come.
          for (const byte of bytes(text)) stream.push(mark, Uint8Array.of(byte));
        }
      });
      const kept = stripVTControlCharacters(written).replaceAll('X', '');
      assert.equal(kept, tokens.map(([, text]) => text).join(''));
    }),
  );
});

test('the legend uses the very marks', () => {
  assert.deepEqual(legendEntries(false, ['accepted', 'rejected', 'residual', 'bonus', 'target']), [
    'drafted and accepted',
    '[-drafted and rejected-]',
    '{+residual: replaces a rejected draft+}',
    '{*bonus: after a fully accepted draft*}',
    '{=without a draft from here=}',
  ]);
  assert.ok(legendEntries(true, ['bonus'])[0]!.includes('\u001b[36mbonus'));
});

test('marks stay with their words where lines are broken', () => {
  const fitted = (columns: number): string => {
    let written = '';
    const write = (text: string): void => {
      written += text;
    };
    const stream = new TokenStream(write, { colour: false, fit: new LineFit(columns) });
    twoRounds(stream);
    stream.end();
    return written;
  };
  assert.equal(fitted(80), 'Once upon[- the time-]{+ a+} time{*,*}');
  assert.equal(fitted(12), 'Once upon\n[-the time-]\n{+a+} time{*,*}');
});
