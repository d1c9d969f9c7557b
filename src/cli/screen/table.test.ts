// Checks that columns stay aligned, whatever they hold.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { displayWidth, formatTable } from './table.js';
import { painter } from './terminal.js';

test('columns stand under each other, left or right', () => {
  const rows = [
    ['NAME', 'SIZE', ''],
    ['draft', '2.78 MB', 'x'],
    ['stories-target', '17.9 MB'],
  ];
  assert.equal(
    formatTable(rows, { align: ['left', 'right'], indent: '  ' }),
    ['  NAME               SIZE', '  draft           2.78 MB  x', '  stories-target  17.9 MB'].join(
      '\n',
    ),
  );
});

test('colour and wide characters do not shift a column', () => {
  const red = painter(true)('red', 'ab');
  assert.equal(displayWidth(red), 2);
  assert.equal(displayWidth('模型'), 4);
  assert.equal(displayWidth('e\u0301'), 1);
  const lines = formatTable([
    [red, '|'],
    ['模型', '|'],
    ['abcd', '|'],
  ]).split('\n');
  assert.deepEqual(
    lines.map((line) => displayWidth(line.slice(0, line.indexOf('|')))),
    [6, 6, 6],
  );
});

test('every cell of every table is there whole, and an empty table is empty', () => {
  const cell = fc
    .string({ unit: fc.constantFrom(...'abc1é模 .-'), maxLength: 8 })
    .map((text) => text.trim());
  fc.assert(
    fc.property(fc.array(fc.array(cell, { maxLength: 4 }), { maxLength: 6 }), (rows) => {
      const lines = formatTable(rows).split('\n');
      assert.equal(lines.length, Math.max(1, rows.length));
      rows.forEach((row, index) => {
        for (const text of row) assert.ok(lines[index]!.includes(text));
      });
    }),
  );
  assert.equal(formatTable([]), '');
});
