// Tests laws made from rows of logits: valid for any row, and equal to each filter's definition.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { filterSampling, finiteRow, logitRow } from './arbitrary.suite.js';
import { plain } from './exactness.suite.js';
import { largestFirst } from './largest-first.js';
import { checkLaw, type Law, probOf } from './law.js';
import { supportSize, toDense } from './law.suite.js';
import { lawFromLogits } from './law-pipeline.js';
import { argmax } from './logits.js';
import { isFiltered, type Sampling } from './sampling.js';

const supportOf = (law: Law): number[] =>
  law.kind === 'sparse' ? [...law.ids].sort((a, b) => a - b) : [...law.probs.keys()];

const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-12 * Math.max(a, b);

test('every law is valid, for rows with NaN, infinities and ties, at every temperature', () => {
  fc.assert(
    fc.property(logitRow, filterSampling, (row, sampling) => {
      const law = lawFromLogits(row, sampling);
      assert.equal(checkLaw(law, row.length), null);
      assert.equal(
        law.kind,
        sampling.temperature === 0 || isFiltered(sampling) ? 'sparse' : 'dense',
      );
      row.forEach((logit, id) => {
        if (!(logit > -Infinity)) assert.equal(probOf(law, id), 0);
      });
      assert.ok(probOf(law, argmax(row)) > 0);
    }),
    { numRuns: 1000 },
  );
});

test('the law of a row is the same in float32 and float64, and the row stays as it was', () => {
  fc.assert(
    fc.property(logitRow, filterSampling, (row, sampling) => {
      const copy = row.slice();
      assert.deepEqual(
        lawFromLogits(Float64Array.from(row), sampling),
        lawFromLogits(row, sampling),
      );
      assert.deepEqual(row, copy);
    }),
  );
});

test('temperature 0 is certain of the lowest of the largest logits', () => {
  const law = lawFromLogits(Float32Array.of(1, NaN, 3, 3), { ...plain, temperature: 0 });
  assert.deepEqual(law, { kind: 'sparse', ids: Int32Array.of(2), probs: Float64Array.of(1) });
});

test('without a filter the law is the softmax', () => {
  const law = lawFromLogits(Float32Array.of(0, 1, 2), { ...plain, temperature: 2 });
  const total = 1 + Math.exp(0.5) + Math.exp(1);
  [1, Math.exp(0.5), Math.exp(1)].forEach((weight, id) => {
    assert.ok(near(probOf(law, id), weight / total));
  });
});

test('top-k keeps exactly k, ties by lower id', () => {
  const row = Float32Array.of(1, 2, 2, 2, 0);
  const law = lawFromLogits(row, { ...plain, topK: 2 });
  assert.deepEqual(supportOf(law), [1, 2]);
  fc.assert(
    fc.property(finiteRow, fc.integer({ min: 1, max: 45 }), (logits, topK) => {
      // At this temperature no weight of the row underflows.
      const kept = lawFromLogits(logits, { ...plain, temperature: 1, topK });
      const expected = largestFirst(logits, topK, -Infinity).sort();
      assert.deepEqual(supportOf(kept), [...expected]);
    }),
  );
});

/** Logits whose weights at temperature 1 are these. */
const rowOf = (...weights: number[]): Float64Array => Float64Array.from(weights, Math.log);

test('top-p keeps the smallest head of the order whose mass reaches it', () => {
  const row = rowOf(0.1, 0.4, 0.2, 0.3);
  const kept = (topP: number): number[] => supportOf(lawFromLogits(row, { ...plain, topP }));
  assert.deepEqual(kept(0.39), [1]);
  assert.deepEqual(kept(0.41), [1, 3]);
  assert.deepEqual(kept(0.69), [1, 3]);
  assert.deepEqual(kept(0.71), [1, 2, 3]);
  assert.deepEqual(kept(1e-300), [1]);
  assert.deepEqual(kept(1 - 2 ** -53), [0, 1, 2, 3]);
});

test('top-p is a share of what top-k left', () => {
  const row = rowOf(0.4, 0.3, 0.2, 0.1);
  const law = lawFromLogits(row, { ...plain, topK: 2, topP: 0.55 });
  // 0.4 of 0.7 is 0.571, so one token suffices; of the whole law it would be 0.4.
  assert.deepEqual(supportOf(law), [0]);
});

test('top-p that meets the mass exactly stops there, ties by lower id', () => {
  const law = lawFromLogits(new Float32Array(4), { ...plain, topP: 0.5 });
  assert.deepEqual(supportOf(law), [0, 1]);
});

test('min-p keeps what is at least that fraction as likely as the likeliest', () => {
  const row = Float64Array.of(0, Math.log(2), Math.log(2) - 1e-9);
  const kept = (minP: number): number[] => supportOf(lawFromLogits(row, { ...plain, minP }));
  assert.deepEqual(kept(0.49), [0, 1, 2]);
  assert.deepEqual(kept(0.51), [1, 2]);
  assert.deepEqual(kept(1 - Number.EPSILON), [1]);
  const atTheEdge = lawFromLogits(Float32Array.of(0, -1, -2), { ...plain, minP: Math.exp(-1) });
  assert.deepEqual(supportOf(atTheEdge), [0, 1]);
  const flat = lawFromLogits(new Float32Array(5), { ...plain, minP: 0.99 });
  assert.equal(supportSize(flat), 5);
});

test('a filter never adds a token, keeps the order, and rescales what it keeps', () => {
  fc.assert(
    fc.property(logitRow, filterSampling, (row, sampling) => {
      if (sampling.temperature === 0) return;
      const open = { ...sampling, topK: 0, topP: 1, minP: 0 };
      const whole = lawFromLogits(row, open);
      const law = lawFromLogits(row, sampling);
      const scale = probOf(law, argmax(row)) / probOf(whole, argmax(row));
      for (const id of supportOf(law)) {
        assert.ok(probOf(law, id) >= probOf(whole, id) * (1 - 1e-12));
        const expected = probOf(whole, id) * scale;
        assert.ok(Math.abs(probOf(law, id) - expected) <= 1e-12 * expected + 1e-320);
      }
    }),
    { numRuns: 500 },
  );
});

test('all filters together keep what each keeps alone, top-p judged within top-k', () => {
  fc.assert(
    fc.property(finiteRow, filterSampling, (row, { topK, topP, minP }) => {
      const alone = (part: Partial<Sampling>): Set<number> =>
        new Set(supportOf(lawFromLogits(row, { ...plain, topK, ...part })));
      const both = alone({ topP, minP });
      const byTopP = alone({ topP });
      const byMinP = alone({ minP });
      assert.deepEqual(
        [...both],
        [...byTopP].filter((id) => byMinP.has(id)),
      );
    }),
  );
});

test('top-k and min-p applied to their own result change nothing', () => {
  fc.assert(
    fc.property(finiteRow, filterSampling, (row, { topK, minP }) => {
      const sampling = { ...plain, topK, minP };
      if (!isFiltered(sampling)) return;
      const once = toDense(lawFromLogits(row, sampling), row.length);
      const twice = lawFromLogits(once.probs.map(Math.log), sampling);
      // Equal logits may differ after exp and log by rounding, which min-p at the very edge would
      // show.
      const again = toDense(twice, row.length);
      once.probs.forEach((prob, id) => {
        const edge = Math.abs(prob / Math.max(...once.probs) - minP) < 1e-12;
        if (!edge) assert.ok(Math.abs(again.probs[id]! - prob) < 1e-12, `token ${id}`);
      });
    }),
  );
});

test('stable at temperature 1e-6 and 100, over the whole range of float32', () => {
  const row = Float32Array.of(3.4e38, -3.4e38, 0, 3.4e38);
  for (const temperature of [1e-6, 100]) {
    const law = lawFromLogits(row, { ...plain, temperature });
    assert.deepEqual([...law.probs], [0.5, 0, 0, 0.5]);
  }
  const close = lawFromLogits(Float32Array.of(1, 1 - 2 ** -20), { ...plain, temperature: 1e-6 });
  assert.ok(near(probOf(close, 1) / probOf(close, 0), Math.exp(-(2 ** -20) / 1e-6)));
  const hot = lawFromLogits(Float32Array.of(50, -50), { ...plain, temperature: 100 });
  assert.ok(near(probOf(hot, 1) / probOf(hot, 0), Math.exp(-1)));
});

test('entries of +Infinity share the mass evenly, filtered like any others', () => {
  const row = Float32Array.of(5, Infinity, NaN, Infinity, Infinity);
  assert.deepEqual([...lawFromLogits(row, plain).probs], [0, 1 / 3, 0, 1 / 3, 1 / 3]);
  const law = lawFromLogits(row, { ...plain, topK: 2 });
  assert.deepEqual(law, {
    kind: 'sparse',
    ids: Int32Array.of(1, 3),
    probs: Float64Array.of(0.5, 0.5),
  });
});

test('one survivor is certain; none is a failure of the engine', () => {
  const row = Float32Array.of(-Infinity, -7, NaN);
  for (const filter of [{}, { topK: 3 }, { topP: 0.5 }, { minP: 0.5 }, { temperature: 0 }]) {
    const sampling = { ...plain, ...filter };
    assert.equal(probOf(lawFromLogits(row, sampling), 1), 1);
    const none = Float32Array.of(-Infinity, NaN);
    assert.throws(() => lawFromLogits(none, sampling), { code: 'engine-failed' });
  }
});

test('weights that underflow are left out instead of becoming entries of 0', () => {
  const row = Float32Array.of(0, -740, -800);
  const law = lawFromLogits(row, { ...plain, topK: 3 });
  assert.deepEqual(supportOf(law), [0, 1]);
  assert.ok(probOf(law, 1) > 0 && probOf(law, 1) < 1e-300);
});

test('the flattest and the most peaked rows of a huge vocabulary give valid laws', () => {
  const vocabSize = 151_936;
  const flat = new Float32Array(vocabSize);
  const peaked = new Float32Array(vocabSize).map((_, id) => (id === 77 ? 60 : -(id % 100)));
  for (const row of [flat, peaked]) {
    for (const filter of [{}, { topK: 40 }, { topP: 0.999 }, { minP: 0.01 }]) {
      const law = lawFromLogits(row, { ...plain, ...filter });
      assert.equal(checkLaw(law, vocabSize), null);
    }
  }
  // 0.999 * 151936 = 151784.06: every survivor weighs the same, so the count is exact.
  assert.equal(supportSize(lawFromLogits(flat, { ...plain, topP: 0.999 })), 151_785);
  assert.equal(supportSize(lawFromLogits(peaked, { ...plain, topP: 0.999 })), 1);
});

test('a top-k law depends on nothing but the k largest logits, so a kernel may pass only those', () => {
  fc.assert(
    fc.property(logitRow, filterSampling, (row, sampling) => {
      if (sampling.topK === 0 || sampling.temperature === 0) return;
      const ids = largestFirst(row, sampling.topK, -Infinity).sort();
      const law = lawFromLogits(
        Float32Array.from(ids, (id) => row[id]!),
        sampling,
      );
      assert.equal(law.kind, 'sparse');
      if (law.kind !== 'sparse') return;
      const mapped = { ...law, ids: law.ids.map((index) => ids[index]!) };
      assert.deepEqual(mapped, lawFromLogits(row, sampling));
    }),
  );
});
