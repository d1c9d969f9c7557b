// Tests that the kernel gives the reference's answers: the same tokens and sparse laws bit for bit,
// dense laws within 1e-11. Small rows; kernel.slow.test.ts has the large and awkward ones.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { filterSampling, logitRow } from '../../math/arbitrary.suite.js';
import { TokenHistory } from '../../math/history.js';
import { noiseKey } from '../../math/noise.js';
import { plainSampling } from '../../math/sampling.js';
import { filterMixes, rowOf } from '../row-kinds.suite.js';
import { rowMathContract } from '../row-math.suite.js';
import { createKernel } from './kernel.js';
import { assertSameAnswers, assertSameOverMixes, load, pairOf } from './kernel-pair.suite.js';

rowMathContract('kernel', createKernel);

describe('kernel against reference', () => {
  it('runs as SIMD where this test runs', () => {
    assert.equal(createKernel(8).implementation, 'simd');
  });

  it('agrees on any small row with any filter', () => {
    fc.assert(
      fc.property(logitRow, filterSampling, (row, sampling) => {
        const pair = pairOf(row.length);
        load(pair, row);
        assertSameAnswers(pair, sampling, `${row}`);
      }),
      { numRuns: 500 },
    );
  });

  it('agrees at temperature 0, at 100 and where float32 overflows', () => {
    assertSameOverMixes('peaked', 1000, [0, 1e-300, 1e-32, 1e-29, 1e-6, 100]);
  });

  it('agrees under the mask of a format, down to a single token', () => {
    const pair = pairOf(1000);
    const row = rowOf('peaked', 1000, 5);
    for (const isAllowed of [
      (id: number) => id === 998,
      (id: number) => id % 37 === 3,
      (id: number) => id > 40,
    ]) {
      const mask = new Uint32Array(32);
      for (let id = 0; id < 1000; id++) if (isAllowed(id)) mask[id >>> 5]! |= 1 << (id & 31);
      pair.kernel.load(row, plainSampling, null, mask);
      pair.reference.load(row, plainSampling, null, mask);
      for (const mix of filterMixes) {
        assertSameAnswers(pair, { ...plainSampling, ...mix }, JSON.stringify(mix));
        assert.ok(
          isAllowed(
            pair.kernel.coupledToken({ ...plainSampling, ...mix }, noiseKey(1n, 'race'), 3),
          ),
        );
      }
    }
  });

  it('agrees under penalties, biases and bans', () => {
    fc.assert(
      fc.property(
        logitRow,
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.dictionary(fc.integer({ min: 0, max: 39 }).map(String), fc.integer({ min: -9, max: 9 })),
        fc.double({ min: 0.5, max: 2, noNaN: true }),
        (row, seen, biases, repetitionPenalty) => {
          const history = new TokenHistory();
          for (const token of seen) history.push(token % row.length, token % 2 === 0);
          const logitBias = new Map(
            Object.entries(biases)
              .map(([id, bias]) => [Number(id), bias === -9 ? -Infinity : bias] as const)
              .filter(([id]) => id < row.length),
          );
          const penalties = { repetitionPenalty, presencePenalty: 0.3, frequencyPenalty: 0.7 };
          const sampling = { ...plainSampling, ...penalties, logitBias };
          const pair = pairOf(row.length);
          for (const math of [pair.kernel, pair.reference]) math.load(row, sampling, history, null);
          if (outcome(() => pair.reference.argmax()) === 'engine-failed') {
            assert.equal(
              outcome(() => pair.kernel.law(sampling)),
              'engine-failed',
            );
          } else {
            assertSameAnswers(pair, sampling, `${row}`);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** The code an action fails with, or null. */
function outcome(action: () => unknown): unknown {
  try {
    action();
    return null;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}
