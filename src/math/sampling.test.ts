// Tests that each sampling parameter passes at its bounds and is refused just beyond them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plain } from './exactness.suite.js';
import { checkSampling, isFiltered, logitBiasMax, type Sampling, usesHistory } from './sampling.js';

const bad: readonly (readonly [string, Partial<Sampling>, string])[] = [
  ['negative temperature', { temperature: -0.1 }, 'sampling-invalid'],
  ['temperature NaN', { temperature: NaN }, 'sampling-invalid'],
  ['temperature above 100', { temperature: 101 }, 'sampling-invalid'],
  ['top-k below 0', { topK: -1 }, 'sampling-invalid'],
  ['top-k not whole', { topK: 1.5 }, 'sampling-invalid'],
  ['top-p 0', { topP: 0 }, 'sampling-invalid'],
  ['top-p above 1', { topP: 1.01 }, 'sampling-invalid'],
  ['min-p 1', { minP: 1 }, 'sampling-invalid'],
  ['repetition penalty 0', { repetitionPenalty: 0 }, 'sampling-invalid'],
  ['presence penalty infinite', { presencePenalty: Infinity }, 'sampling-invalid'],
  ['frequency penalty below -100', { frequencyPenalty: -101 }, 'sampling-invalid'],
  ['bias NaN', { logitBias: new Map([[1, NaN]]) }, 'sampling-invalid'],
  ['bias +Infinity', { logitBias: new Map([[1, Infinity]]) }, 'sampling-invalid'],
  ['bias outside the vocabulary', { logitBias: new Map([[10, 1]]) }, 'token-out-of-range'],
  ['bias of half a token', { logitBias: new Map([[0.5, 1]]) }, 'token-out-of-range'],
];

for (const [name, change, code] of bad) {
  test(`checkSampling refuses: ${name}`, () => {
    assert.throws(() => checkSampling({ ...plain, ...change }, 10), { code });
  });
}

test('checkSampling takes each number up to its bounds and not beyond', () => {
  const ranges = {
    temperature: [0, 100],
    topP: [Number.MIN_VALUE, 1],
    minP: [0, 1 - Number.EPSILON / 2],
    repetitionPenalty: [0.01, 100],
    presencePenalty: [-100, 100],
    frequencyPenalty: [-100, 100],
  } as const;
  for (const [name, [low, high]] of Object.entries(ranges)) {
    for (const value of [low, high]) {
      assert.doesNotThrow(() => checkSampling({ ...plain, [name]: value }, 1), `${name} ${value}`);
    }
    for (const value of [low - 0.01, high + 0.01]) {
      assert.throws(
        () => checkSampling({ ...plain, [name]: value }, 1),
        { code: 'sampling-invalid' },
        `${name} ${value}`,
      );
    }
  }
});

test('checkSampling refuses more biases than a row is worth', () => {
  const biases = (count: number) => new Map(Array.from({ length: count }, (_, id) => [id, 1]));
  const sampling = { ...plain, logitBias: biases(logitBiasMax + 1) };
  assert.throws(() => checkSampling(sampling, 5000), { code: 'sampling-invalid' });
  checkSampling({ ...plain, logitBias: biases(logitBiasMax) }, 5000);
});

test('checkSampling lets the bounds themselves pass', () => {
  for (const change of [
    {},
    { temperature: 0, topP: Number.MIN_VALUE },
    { temperature: 100, minP: 1 - Number.EPSILON / 2 },
    { logitBias: new Map([[0, -Infinity]]) },
  ]) {
    assert.doesNotThrow(() => checkSampling({ ...plain, ...change }, 1));
  }
});

test('each filter and each penalty is told from its neutral value', () => {
  assert.equal(isFiltered(plain), false);
  for (const change of [{ topK: 1 }, { topP: 0.9 }, { minP: 0.1 }]) {
    assert.equal(isFiltered({ ...plain, ...change }), true);
  }
  assert.equal(usesHistory(plain), false);
  for (const change of [
    { repetitionPenalty: 2 },
    { presencePenalty: 1 },
    { frequencyPenalty: -1 },
  ]) {
    assert.equal(usesHistory({ ...plain, ...change }), true);
  }
});
