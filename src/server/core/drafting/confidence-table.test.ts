// Promises of the chances by confidence: each part learns its own, and none is ruled out for good.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfidenceTable } from './confidence-table.js';

test('a part learns its own chance', () => {
  const table = new ConfidenceTable();
  for (let index = 0; index < 400; index++) {
    table.learn(0.3, index % 4 === 0);
    table.learn(0.9, index % 10 !== 0);
  }
  assert.ok(Math.abs(table.chanceOf(0.3) - 0.25) < 0.05);
  assert.ok(Math.abs(table.chanceOf(0.9) - 0.9) < 0.05);
});

test('a part without tests follows the others', () => {
  const table = new ConfidenceTable();
  assert.ok(table.chanceOf(0.1) < 0.5);
  // Confidence says nothing here: all drafts stand equally often.
  for (let index = 0; index < 300; index++) {
    for (const confidence of [0.4, 0.6, 0.9]) table.learn(confidence, index % 10 < 7);
  }
  assert.ok(Math.abs(table.chanceOf(0.1) - 0.7) < 0.1, `${table.chanceOf(0.1)}`);
});
