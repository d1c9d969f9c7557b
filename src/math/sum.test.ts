// Tests compensated sums against exact ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sumOf } from './sum.js';

test('a sum of very many equal terms keeps all its digits', () => {
  const count = 151_936;
  const terms = new Float64Array(count).fill(1 / count);
  const plainSum = terms.reduce((sum, term) => sum + term, 0);
  assert.ok(Math.abs(plainSum - 1) > 1e-14, `plain summation is off by ${plainSum - 1}`);
  assert.ok(Math.abs(sumOf(terms) - 1) < 3e-16);
});

test('small terms are not lost beside large ones, in any order', () => {
  assert.equal(sumOf(Float64Array.of(1, 2 ** -53, 2 ** -53)), 1 + 2 ** -52);
  assert.equal(sumOf(Float64Array.of(2 ** -53, 2 ** -53, 1)), 1 + 2 ** -52);
  assert.equal(sumOf(Float64Array.of()), 0);
});

test('the sum of whole numbers is exact', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 40 })), (terms) => {
      const exact = terms.reduce((sum, term) => sum + BigInt(term), 0n);
      assert.equal(BigInt(sumOf(Float64Array.from(terms))), exact);
    }),
  );
});
