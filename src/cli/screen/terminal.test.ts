// Checks when colour is used, and that every style is closed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { colourWanted, painter } from './terminal.js';

const screen = { write: () => true, isTTY: true };
const pipe = { write: () => true };

test('colour goes to terminals, and NO_COLOR wins over everything', () => {
  assert.equal(colourWanted(screen, {}), true);
  assert.equal(colourWanted(pipe, {}), false);
  assert.equal(colourWanted(screen, { TERM: 'dumb' }), false);
  assert.equal(colourWanted(screen, { NO_COLOR: '1' }), false);
  assert.equal(colourWanted(screen, { NO_COLOR: '1', FORCE_COLOR: '1' }), false);
  assert.equal(colourWanted(screen, { NO_COLOR: '' }), true);
  assert.equal(colourWanted(pipe, { FORCE_COLOR: '1' }), true);
  assert.equal(colourWanted(screen, { FORCE_COLOR: '0' }), false);
});

test('a painter without colour changes nothing; one with colour ends what it begins', () => {
  assert.equal(painter(false)('red', 'text'), 'text');
  assert.equal(painter(true)('red', 'text'), '\u001b[31mtext\u001b[39m');
});
