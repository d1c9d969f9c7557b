// Tests how drafts and the target's own tokens give a verdict under the equality schemes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greedyToken } from './greedy.js';
import { denseLaw, sparseLaw } from './law.js';
import { acceptWhileEqual } from './verification.js';

/** Asks the rows of a fixed text and notes which were asked. */
function judged(targets: readonly number[], drafts: readonly number[]) {
  const asked: number[] = [];
  const targetTokenAt = (row: number): number => {
    asked.push(row);
    return targets[row]!;
  };
  return { verdict: acceptWhileEqual(targetTokenAt, Int32Array.from(drafts)), asked };
}

test('drafts stand up to the first difference, whose target token replaces the draft', () => {
  const { verdict, asked } = judged([4, 5, 6, 7], [4, 9, 6]);
  assert.deepEqual(verdict, { acceptedCount: 1, final: { kind: 'residual', token: 5 } });
  assert.deepEqual(asked, [0, 1], 'no row behind the difference is asked');
});

test('drafts that all stand are followed by a bonus token', () => {
  const { verdict } = judged([4, 5, 6], [4, 5]);
  assert.deepEqual(verdict, { acceptedCount: 2, final: { kind: 'bonus', token: 6 } });
});

test('a draft that may not be tested gives way to a bonus token, and no row behind it is asked', () => {
  const asked: number[] = [];
  const tokenAt = (row: number): number => asked.push(row) + 3;
  const verdict = acceptWhileEqual(tokenAt, Int32Array.of(4, 5, 6), (row) => row < 1);
  assert.deepEqual(verdict, { acceptedCount: 1, final: { kind: 'bonus', token: 5 } });
  assert.deepEqual(asked, [0, 1]);
});

test('a step without drafts is one bonus token', () => {
  const { verdict } = judged([4], []);
  assert.deepEqual(verdict, { acceptedCount: 0, final: { kind: 'bonus', token: 4 } });
});

test('greedyToken takes the likeliest, ties by lower id, in both forms of a law', () => {
  const weights = Float64Array.of(0.2, 0.4, 0.4, 0);
  assert.equal(greedyToken(sparseLaw(Int32Array.of(0, 1, 2, 3), weights)), 1);
  assert.equal(greedyToken(denseLaw(weights)), 1);
});
