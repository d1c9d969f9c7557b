// Tests laws in sparse and dense form: valid, equal in both, and unchanged by conversion.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lawOf, lawPair } from './arbitrary.suite.js';
import {
  checkLaw,
  type DenseLaw,
  denseLaw,
  fromDense,
  type Law,
  lawSumTolerance,
  pointLaw,
  probLookup,
  probOf,
  type SparseLaw,
  sparseLaw,
} from './law.js';
import { supportSize, toDense } from './law.suite.js';
import { sumOf } from './sum.js';

test('a law built from weights is valid and keeps their ratios', () => {
  fc.assert(
    fc.property(lawPair, ({ vocabSize, targetLaw }) => {
      assert.equal(checkLaw(targetLaw, vocabSize), null);
      assert.ok(Math.abs(sumOf(targetLaw.probs) - 1) < 1e-15);
    }),
  );
  const law = sparseLaw(Int32Array.of(9, 2, 5, 7), Float64Array.of(1, 2, 0, 1));
  assert.deepEqual([...law.ids], [2, 7, 9]);
  assert.deepEqual([...law.probs], [0.5, 0.25, 0.25]);
});

test('sparse and dense forms agree and convert into each other', () => {
  fc.assert(
    fc.property(lawOf(12), (law) => {
      const dense = toDense(law, 12);
      const sparse = fromDense(dense);
      assert.equal(checkLaw(sparse, 12), null);
      assert.deepEqual(toDense(sparse, 12), dense);
      const lookup = probLookup(law);
      for (let id = 0; id < 14; id++) {
        const expected = dense.probs[id] ?? 0;
        assert.equal(probOf(law, id), expected);
        assert.equal(probOf(sparse, id), expected);
        assert.equal(lookup(id), expected);
      }
      assert.equal(supportSize(law), supportSize(sparse));
    }),
  );
});

test('probabilities that underflow are left out of a sparse law', () => {
  const law = sparseLaw(Int32Array.of(0, 1), Float64Array.of(3, 5e-324));
  assert.deepEqual([...law.ids], [0]);
  assert.deepEqual(pointLaw(4), sparseLaw(Int32Array.of(4), Float64Array.of(0.3)));
});

test('weights without mass are a broken invariant', () => {
  const none = Float64Array.of(0, 0);
  assert.throws(() => sparseLaw(Int32Array.of(0, 1), none), { name: 'InvariantError' });
  assert.throws(() => denseLaw(none), { name: 'InvariantError' });
});

test('a huge flat law sums to 1 within the tolerance of the small ones', () => {
  const law = fromDense(denseLaw(new Float64Array(151_936).fill(0.1)));
  assert.equal(checkLaw(law, 151_936), null);
});

const sparse = (ids: number[], probs: number[]): SparseLaw => ({
  kind: 'sparse',
  ids: Int32Array.from(ids),
  probs: Float64Array.from(probs),
});
const dense = (...probs: number[]): DenseLaw => ({
  kind: 'dense',
  probs: Float64Array.from(probs),
});

const faulty: readonly (readonly [string, Law, RegExp])[] = [
  ['NaN', sparse([0, 1], [NaN, 0.5]), /probability NaN at index 0/],
  ['NaN in a dense law', dense(0.5, NaN, 0.5), /probability NaN at index 1/],
  ['a negative entry', dense(1.5, -0.5, 0), /probability 1.5 at index 0/],
  ['a negative entry behind a valid one', dense(1, -0.5, 0.5), /probability -0.5 at index 1/],
  ['a sum above 1', sparse([0, 1], [0.6, 0.5]), /sum 1.1 is not 1/],
  ['a sum below 1', dense(0.25, 0.25, 0.25), /sum 0.75 is not 1/],
  ['an infinite entry', dense(Infinity, 0, 0), /probability Infinity/],
  ['an id below 0', sparse([-1], [1]), /id -1 is outside \[0, 3\)/],
  ['an id above the vocabulary', sparse([3], [1]), /id 3 is outside \[0, 3\)/],
  ['a repeated id', sparse([1, 1], [0.5, 0.5]), /id 1 appears twice/],
  ['a repeated id apart', sparse([2, 1, 2], [0.4, 0.3, 0.3]), /id 2 appears twice/],
  ['rising probabilities', sparse([0, 1], [0.4, 0.6]), /id 1 at 1 is out of order/],
  ['ties by falling id', sparse([1, 0], [0.5, 0.5]), /id 0 at 1 is out of order/],
  ['a probability of 0 in a sparse law', sparse([0, 1], [1, 0]), /probability 0 at index 1/],
  ['no entries', sparse([], []), /sum 0 is not 1/],
  ['fewer ids than probabilities', sparse([0], [0.5, 0.5]), /1 ids for 2 probabilities/],
  ['the wrong vocabulary', dense(0.5, 0.5), /2 probabilities, not 3/],
];

for (const [name, law, message] of faulty) {
  test(`checkLaw names the fault: ${name}`, () => {
    assert.match(String(checkLaw(law, 3)), message);
  });
}

test('checkLaw allows for rounding and for no more', () => {
  const off = (by: number): SparseLaw => sparse([0, 1], [0.5 + by, 0.5]);
  assert.equal(checkLaw(off(lawSumTolerance.sparse / 2), 3), null);
  assert.notEqual(checkLaw(off(lawSumTolerance.sparse * 2), 3), null);
  assert.equal(checkLaw(dense(0.5, 0.5 - lawSumTolerance.dense / 2, 0), 3), null);
  assert.notEqual(checkLaw(dense(0.5, 0.5 - lawSumTolerance.dense * 2, 0), 3), null);
});

test('checkLaw never throws, whatever a peer sends', () => {
  const anything = fc.double();
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.array(anything), fc.nat(20), (ids, probs, vocabSize) => {
      for (const law of [sparse(ids, probs), dense(...probs)]) {
        const fault = checkLaw(law, vocabSize);
        assert.ok(fault === null || fault.length > 0);
      }
    }),
  );
});
