// Checks that the chances of drafts by confidence follow what was tested, each part by itself.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfidenceTable } from './confidence-table.js';

describe('the chances of drafts by confidence', () => {
  it('rise with confidence before anything is tested', () => {
    const { chances } = new ConfidenceTable();
    assert.equal(chances.length, 8);
    assert.ok(Math.abs(chances[0]! - 0.3875) < 1e-12 && Math.abs(chances[7]! - 0.9125) < 1e-12);
    assert.deepEqual(
      chances,
      chances.toSorted((a, b) => a - b),
    );
  });

  it('follow what was tested, and only of that part', () => {
    const table = new ConfidenceTable();
    const before = table.chances;
    for (let count = 0; count < 24; count++) table.learn(0.3, false);
    // Three tests in four are new: the guess counts for eight.
    assert.ok(Math.abs(table.chanceOf(0.3) - before[2]! / 4) < 1e-12);
    for (let count = 0; count < 96; count++) table.learn(0.3, true);
    assert.ok(table.chanceOf(0.3) > 0.7);
    for (const [part, chance] of before.entries()) {
      if (part !== 2) assert.equal(table.chances[part], chance);
    }
  });

  it('forget tests that are long ago', () => {
    const table = new ConfidenceTable();
    for (let count = 0; count < 10_000; count++) table.learn(1, false);
    for (let count = 0; count < 1_000; count++) table.learn(1, true);
    const chance = table.chanceOf(1);
    assert.ok(chance > 0.95 && chance < 1, `${chance}`);
  });
});
