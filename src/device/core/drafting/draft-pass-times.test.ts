// Checks that the price of a further row follows the measurements, from the first trials on,
// through outliers and changes of speed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DraftPassTimes } from './draft-pass-times.js';

/** Passes of one and of three rows by turns. */
function measured(singleMs: number, tripleMs: number, count = 9): DraftPassTimes {
  const times = new DraftPassTimes();
  for (let turn = 0; turn < count; turn++) {
    times.add(1, singleMs);
    times.add(3, tripleMs);
  }
  return times;
}

describe('draft pass times', () => {
  it('take a second row for free until it was tried, any more for a pass, and all before anything was measured', () => {
    const times = new DraftPassTimes();
    assert.equal(times.cost(4), 4);
    times.add(1, 8);
    assert.deepEqual([times.cost(1), times.cost(2), times.cost(4)], [1, 1, 3]);
    times.add(2, 12);
    assert.equal(times.cost(2), 1);
    times.add(2, 12);
    assert.equal(times.cost(2), 1.5);
    assert.equal(times.cost(4), 2.5);
  });

  it('learn nothing of rows before a pass of one was measured', () => {
    const times = new DraftPassTimes();
    for (const rowCount of [2, 2, 1]) times.add(rowCount, 12);
    assert.deepEqual([times.cost(2), times.cost(4)], [1, 3]);
  });

  it('price rows by what passes took, never below nothing', () => {
    assert.equal(measured(8, 10).cost(3), 1.25);
    assert.equal(measured(8, 24).cost(3), 3);
    assert.equal(measured(8, 6).cost(3), 1);
    assert.equal(measured(0, 0).cost(3), 1);
    assert.equal(measured(8, 10).cost(1), 1);
  });

  it('pass over single hiccups, and broken clocks', () => {
    const times = measured(8, 10);
    times.add(3, 900);
    times.add(1, 900);
    for (const broken of [Number.NaN, -1, Infinity]) times.add(3, broken);
    assert.equal(times.cost(3), 1.25);
  });

  it('are tried again after a while: an expensive row may have become cheap', () => {
    const times = measured(8, 24);
    for (let count = 0; count < 256; count++) {
      assert.ok(times.cost(2) > 1);
      times.add(1, 8);
    }
    assert.equal(times.cost(2), 1);
    times.add(2, 16);
    assert.equal(times.cost(2), 2);
  });
});
