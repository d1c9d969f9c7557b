// Tests partial selection against a full sort.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { logitRow } from './arbitrary.suite.js';
import { largestFirst } from './largest-first.js';

test('partial selection is the head of a full sort, ties by rising index', () => {
  fc.assert(
    fc.property(logitRow, fc.integer({ min: 0, max: 45 }), (row, countMax) => {
      const sorted = [...row.keys()]
        .filter((id) => row[id]! > -Infinity)
        .sort((a, b) => (row[a]! === row[b]! ? a - b : row[b]! > row[a]! ? 1 : -1));
      assert.deepEqual([...largestFirst(row, countMax, -Infinity)], sorted.slice(0, countMax));
      assert.deepEqual([...largestFirst(row, Infinity, -Infinity)], sorted);
    }),
    { numRuns: 500 },
  );
});

test('an entry that has to move far up the heap does', () => {
  // A heap that asks the wrong parent keeps entry 3 here.
  const row = Float64Array.of(14, 1, 3, 5, 17, 9, 4, 19, 12, 18, 14);
  assert.deepEqual([...largestFirst(row, 7, -Infinity)], [7, 9, 4, 0, 10, 8, 5]);
});

test('only entries above the floor are ranked', () => {
  assert.deepEqual([...largestFirst(Float64Array.of(0, 0.5, 0, 0.2), 3, 0)], [1, 3]);
  assert.deepEqual([...largestFirst(Float64Array.of(0.1, 0.5, 0.3), 2, 0.3)], [1]);
});

test('a selection of few from very many equals the sort', () => {
  const row = new Float32Array(32_000).map((_, id) => Math.imul(id, 2654435761) % 1000);
  const all = largestFirst(row, Infinity, -Infinity);
  assert.deepEqual(largestFirst(row, 40, -Infinity), all.slice(0, 40));
});
