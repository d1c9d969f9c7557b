// Compares kernel and reference in every answer; tests choose the rows.

import assert from 'node:assert/strict';
import type { Law } from '../../math/law.js';
import { noiseKey } from '../../math/noise.js';
import { plainSampling, type Sampling } from '../../math/sampling.js';
import { filterMixes, type RowKind, rowOf } from '../row-kinds.suite.js';
import { type RowMath, referenceRowMath } from '../row-math.js';
import { createKernel } from './kernel.js';

const key = noiseKey(3n, 'race');
const closeness = 1e-11;

function isClose(actual: number, expected: number): boolean {
  // Below 2^-1021 the kernel may return 0.
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

/** Both, for one vocabulary. */
export interface Pair {
  readonly kernel: RowMath;
  readonly reference: RowMath;
}

export function pairOf(vocabSize: number): Pair {
  return { kernel: createKernel(vocabSize), reference: referenceRowMath(vocabSize) };
}

export function load(
  { kernel, reference }: Pair,
  row: Float32Array,
  sampling = plainSampling,
): void {
  kernel.load(row, sampling, null, null);
  reference.load(row, sampling, null, null);
}

/** Asks both every question about the loaded row. */
export function assertSameAnswers(
  { kernel, reference }: Pair,
  sampling: Sampling,
  about: string,
): void {
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

export function assertSameOverMixes(
  kind: RowKind,
  vocabSize: number,
  temperatures: number[],
): void {
  const pair = pairOf(vocabSize);
  load(pair, rowOf(kind, vocabSize, vocabSize));
  for (const temperature of temperatures) {
    for (const mix of filterMixes) {
      const about = `${kind} ${vocabSize} temperature ${temperature} ${JSON.stringify(mix)}`;
      assertSameAnswers(pair, { ...plainSampling, ...mix, temperature }, about);
    }
  }
}
