// Tests raw rows of logits: the largest entry, NaN and infinities, and the weights.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { logitRow } from './arbitrary.suite.js';
import { argmax, softmaxProb, weightOf, weightsOf } from './logits.js';

test('argmax takes the lowest of equal logits and never NaN', () => {
  assert.equal(argmax(Float32Array.of(1, 3, 3, 2)), 1);
  assert.equal(argmax(Float32Array.of(NaN, -5, NaN)), 1);
  assert.equal(argmax(Float32Array.of(4, Infinity, Infinity)), 1);
  assert.equal(argmax(Float32Array.of(-Infinity, -1e38)), 1);
});

test('a row without a logit above -Infinity is a failure of the engine', () => {
  for (const row of [[], [-Infinity], [NaN, NaN], [NaN, -Infinity]]) {
    for (const ask of [argmax, (logits: Float32Array) => weightsOf(logits, 1)]) {
      assert.throws(() => ask(Float32Array.from(row)), { code: 'engine-failed' });
    }
  }
});

test('weights are 1 for the largest logit, between 0 and 1 for all, at every temperature', () => {
  fc.assert(
    fc.property(logitRow, fc.constantFrom(1e-6, 0.5, 1, 100), (row, temperature) => {
      const weights = weightsOf(row, temperature);
      assert.equal(weights[argmax(row)], 1);
      for (const weight of weights) assert.ok(weight >= 0 && weight <= 1, `weight ${weight}`);
    }),
  );
});

test('infinite logits leave nothing to the finite ones', () => {
  assert.deepEqual([...weightsOf(Float32Array.of(Infinity, 5, NaN, Infinity), 2)], [1, 0, 0, 1]);
  assert.equal(weightOf(-Infinity, 3, 1), 0);
  assert.equal(weightOf(NaN, 3, 1), 0);
});

test('softmaxProb is the softmax at temperature 1', () => {
  const row = Float32Array.of(0, Math.log(3), -Infinity);
  assert.ok(Math.abs(softmaxProb(row, 1) - 0.75) < 1e-7);
  assert.equal(softmaxProb(row, 2), 0);
});
