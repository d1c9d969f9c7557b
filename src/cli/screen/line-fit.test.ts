// Checks that lines break at spaces, however a word arrives.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineFit } from './line-fit.js';
import { displayWidth } from './table.js';

test('lines break at spaces, and a break takes the place of its space', () => {
  assert.equal(new LineFit(11).push('the old clock had stopped'), 'the old\nclock had\nstopped');
});

test('a word that comes in pieces goes on where it is, and breaks only where the line is full', () => {
  const fit = new LineFit(8);
  assert.equal(
    ['a clock', 'work', 's', '!'].map((text) => fit.push(text)).join(''),
    'a clockw\norks!',
  );
  assert.deepEqual([fit.column, fit.lineCount], [5, 1]);
});

test('a word that may go on keeps room for its rest, one that is known to end does not', () => {
  const fit = new LineFit(12, 4);
  const pieces = ['a clock', ' wor', 'ks', ' on and', ' on'];
  assert.equal(pieces.map((text) => fit.push(text)).join(''), 'a clock\nworks on\nand on');
  assert.equal(new LineFit(12, 4).push('works on and on'), 'works on and\non');
});

test('a fork goes on by itself', () => {
  const fit = new LineFit(8);
  fit.push('a');
  const fork = fit.fork();
  fork.push(' long way');
  assert.deepEqual([fit.column, fit.lineCount, fork.column, fork.lineCount], [1, 0, 3, 1]);
});

test('what is skipped counts, and text with line breaks starts lines', () => {
  const fit = new LineFit(6);
  fit.skip('[-');
  assert.equal(fit.push('abcd ef\ngh'), 'abcd\nef\ngh');
  assert.equal(fit.column, 2);
});

test('for every text and every cut, no line is too wide, no character is lost, and the position is right', () => {
  const pieces = fc.array(fc.string({ unit: fc.constantFrom(...'abc  \né模') }));
  fc.assert(
    fc.property(pieces, fc.integer({ min: 2, max: 12 }), fc.nat(9), (texts, columns, spare) => {
      const fit = new LineFit(columns, Math.min(spare, columns - 1));
      const fitted = texts.map((text) => fit.push(text)).join('');
      const lines = fitted.split('\n');
      for (const line of lines) assert.ok(displayWidth(line) <= columns, JSON.stringify(line));
      assert.equal(fitted.replace(/\s/g, ''), texts.join('').replace(/\s/g, ''));
      assert.equal(fit.lineCount, lines.length - 1);
      assert.equal(fit.column, displayWidth(lines.at(-1)!));
    }),
  );
});
