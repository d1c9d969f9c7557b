// Tests log-probabilities against the float64 log-softmax, for any row.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PilotfishError } from '../base/error.js';
import { sparseLaw } from './law.js';
import { lawLogprobs, tokenLogprobs } from './logprobs.js';

/** The textbook sum, on rows where it cannot overflow. */
function logSoftmax(logits: Float32Array, token: number): number {
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return logits[token]! - Math.log(total);
}

const rows = fc
  .array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 2, maxLength: 60 })
  .map((values) => Float32Array.from(values));

describe('log-probabilities', () => {
  it('are the log-softmax of the row, to float32', () => {
    fc.assert(
      fc.property(rows, fc.nat(59), (row, any) => {
        const token = any % row.length;
        const { logprob } = tokenLogprobs(row, token, 0);
        const expected = logSoftmax(row, token);
        assert.ok(Math.abs(logprob - expected) <= 1e-6 * Math.max(1, Math.abs(expected)));
      }),
    );
  });

  it('rank the likeliest tokens, ties by rising id, no more than there are', () => {
    const row = Float32Array.of(1, 3, 3, Number.NaN, 2, -Infinity);
    const { top } = tokenLogprobs(row, 0, 20);
    assert.deepEqual(
      top.map(({ token }) => token),
      [1, 2, 4, 0],
    );
    assert.equal(top[3]!.logprob, tokenLogprobs(row, 0, 0).logprob);
    assert.equal(tokenLogprobs(row, 0, 2).top.length, 2);
  });

  it('are those of a token for each entry of a law, in its order', () => {
    const row = Float32Array.of(0, 1, 2, 3);
    const law = sparseLaw(Int32Array.of(2, 0), Float64Array.of(0.1, 0.9));
    const { logprobs } = lawLogprobs(row, law, 1);
    assert.deepEqual(
      [...logprobs],
      [0, 2].map((token) => tokenLogprobs(row, token, 1).logprob),
    );
  });

  it('are finite even where a logit is not', () => {
    const row = Float32Array.of(Infinity, 0, Infinity, Number.NaN);
    assert.equal(tokenLogprobs(row, 2, 0).logprob, Math.fround(Math.log(0.5)));
    for (const token of [1, 3])
      assert.equal(tokenLogprobs(row, token, 0).logprob, -(2 ** 128 - 2 ** 104));
  });

  it("of a row without a single number are the engine's failure", () => {
    const row = new Float32Array(4).fill(Number.NaN);
    assert.throws(
      () => tokenLogprobs(row, 0, 1),
      (reason) => reason instanceof PilotfishError && reason.code === 'engine-failed',
    );
  });
});
