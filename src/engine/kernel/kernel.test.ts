// The kernel gives the reference's answers: the same tokens and sparse laws bit for bit, dense laws within 1e-11.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { filterSampling, logitRow } from '../../math/arbitrary.suite.js';
import { TokenHistory } from '../../math/history.js';
import type { Law } from '../../math/law.js';
import { noiseKey } from '../../math/noise.js';
import { plainSampling, type Sampling } from '../../math/sampling.js';
import { filterMixes, type RowKind, rowKinds, rowOf } from '../row-kinds.suite.js';
import { type RowMath, referenceRowMath } from '../row-math.js';
import { rowMathContract } from '../row-math.suite.js';
import { createKernel } from './kernel.js';

const key = noiseKey(3n, 'race');
const closeness = 1e-11;

rowMathContract('kernel', createKernel);

function isClose(actual: number, expected: number): boolean {
  // Below 2^-1021 the kernel may say 0.
  return Math.abs(actual - expected) <= closeness * expected + 2 ** -1021;
}

function assertSameLaw(actual: Law, expected: Law, about: string): void {
  if (expected.kind === 'sparse') {
    assert.deepEqual(actual, expected, about);
    return;
  }
  assert.equal(actual.kind, 'dense', about);
  assert.equal(actual.probs.length, expected.probs.length, about);
  const wrong = expected.probs.findIndex((prob, id) => !isClose(actual.probs[id]!, prob));
  assert.equal(wrong, -1, `${about}: ${actual.probs[wrong]} for ${expected.probs[wrong]}`);
}

interface Pair {
  readonly kernel: RowMath;
  readonly reference: RowMath;
}

function pairOf(vocabSize: number): Pair {
  return { kernel: createKernel(vocabSize), reference: referenceRowMath(vocabSize) };
}

function load({ kernel, reference }: Pair, row: Float32Array, sampling = plainSampling): void {
  kernel.load(row, sampling, null);
  reference.load(row, sampling, null);
}

/** Asks both everything about the loaded row. */
function assertSameAnswers({ kernel, reference }: Pair, sampling: Sampling, about: string): void {
  assert.equal(kernel.argmax(), reference.argmax(), about);
  assertSameLaw(kernel.law(sampling), reference.law(sampling), about);
  for (let position = 0; position < 4; position++) {
    assert.equal(
      kernel.coupledToken(sampling, key, position),
      reference.coupledToken(sampling, key, position),
      `${about} position ${position}`,
    );
  }
  for (const count of [1, 5, 60, 70]) {
    assert.deepEqual(
      kernel.coupledRanking(sampling, key, 9, count),
      reference.coupledRanking(sampling, key, 9, count),
      `${about} ranking of ${count}`,
    );
  }
  const token = reference.argmax();
  assert.ok(isClose(kernel.softmaxProb(token), reference.softmaxProb(token)), about);
}

function assertSameOverMixes(kind: RowKind, vocabSize: number, temperatures: number[]): void {
  const pair = pairOf(vocabSize);
  load(pair, rowOf(kind, vocabSize, vocabSize));
  for (const temperature of temperatures) {
    for (const mix of filterMixes) {
      const about = `${kind} ${vocabSize} temperature ${temperature} ${JSON.stringify(mix)}`;
      assertSameAnswers(pair, { ...plainSampling, ...mix, temperature }, about);
    }
  }
}

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

  it('agrees for every vocabulary up to 40 tokens and around its block sizes', () => {
    const sizes = [...Array.from({ length: 40 }, (_, index) => index + 1), 127, 128, 129, 383, 385];
    for (const vocabSize of sizes) {
      for (const kind of ['flat', 'ties', 'holes'] as const) {
        assertSameOverMixes(kind, vocabSize, [1]);
      }
    }
  });

  for (const kind of rowKinds) {
    it(`agrees on ${kind} rows of 1 000 tokens with any filter`, () => {
      assertSameOverMixes(kind, 1000, [0.01, 1]);
    });
  }

  it('agrees at temperature 0, at 100 and where float32 overflows', () => {
    assertSameOverMixes('peaked', 1000, [0, 1e-300, 1e-32, 1e-29, 1e-6, 100]);
  });

  it('agrees on rows of 4 096, 32 000 and 151 936 tokens', () => {
    assertSameOverMixes('peaked', 4096, [0.9]);
    for (const vocabSize of [32_000, 151_936]) {
      const pair = pairOf(vocabSize);
      load(pair, rowOf('peaked', vocabSize, 1));
      for (const mix of [{}, { topK: 40 }]) {
        assertSameAnswers(pair, { ...plainSampling, ...mix }, JSON.stringify(mix));
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
          for (const math of [pair.kernel, pair.reference]) math.load(row, sampling, history);
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

  it('names the same race winner at thousands of seeds and positions', () => {
    for (const [kind, vocabSize, rounds] of [
      ['flat', 1000, 1500],
      ['peaked', 1000, 1500],
      ['ties', 1000, 500],
      ['flat', 32_000, 60],
      ['peaked', 32_000, 60],
    ] as const) {
      const pair = pairOf(vocabSize);
      for (let round = 0; round < rounds; round++) {
        if (round % 100 === 0) load(pair, rowOf(kind, vocabSize, round));
        const sampling = { ...plainSampling, temperature: [1, 0.7, 1.5, 0.2, 10][round % 5]! };
        const roundKey = noiseKey(BigInt(round) << 20n, 'race');
        // Up to 2^32.
        const position = round * 2_863_311;
        assert.equal(
          pair.kernel.coupledToken(sampling, roundKey, position),
          pair.reference.coupledToken(sampling, roundKey, position),
          `${kind} ${vocabSize} round ${round}`,
        );
      }
    }
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
