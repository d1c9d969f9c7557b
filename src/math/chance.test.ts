// Tests draws from weights at the edges of rounding, and chance keyed by position and attempt.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { indexAtMass, keyedChance } from './chance.js';
import { chiSquareFit } from './chi-square.suite.js';
import { noiseKey, uniform } from './noise.js';

const accept = noiseKey(5n, 'accept');
const target = noiseKey(5n, 'target');

const weights = fc
  .array(
    fc.oneof(fc.constant(0), fc.constant(5e-324), fc.double({ min: 0, max: 1, noNaN: true })),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .filter((values) => values.some((value) => value > 0))
  .map((values) => Float64Array.from(values));

test('a draw never returns an index of weight 0, also at the rounding edges', () => {
  fc.assert(
    fc.property(weights, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const total = values.reduce((sum, value) => sum + value, 0);
      const cumulative = values.map((_, index) =>
        values.slice(0, index + 1).reduce((a, b) => a + b),
      );
      const edges = [0, total, total * (1 + 1e-12), share * total, ...cumulative];
      for (const mass of edges) assert.ok(values[indexAtMass(values, mass)]! > 0);
    }),
    { numRuns: 500 },
  );
});

test('a draw is the inverse of the cumulative sum', () => {
  const values = Float64Array.of(0, 0.25, 0, 0.5, 0.25, 0);
  assert.deepEqual(
    [0, 0.2499, 0.25, 0.7499, 0.75, 0.9999, 1, 2].map((mass) => indexAtMass(values, mass)),
    [1, 1, 3, 3, 4, 4, 4, 4],
  );
});

test('the same questions get the same answers; position and attempt change them', () => {
  const values = Float64Array.from({ length: 1000 }, () => 1);
  const ask = (position: number, attempt: number): unknown[] => {
    const chance = keyedChance(accept, target, position, attempt);
    return [chance.draw(values, 1000), chance.happens(0.5), chance.draw(values, 1000)];
  };
  assert.deepEqual(ask(3, 0), ask(3, 0));
  assert.notDeepEqual(ask(3, 0), ask(4, 0));
  assert.notDeepEqual(ask(3, 0), ask(3, 1));
});

test('one key for both kinds of question still gives each its own number, in order', () => {
  for (let position = 0; position < 100; position++) {
    const numbers = [0, 1, 2, 3].map((index) => uniform(accept, position, index));
    const chance = keyedChance(accept, accept, position);
    for (const [index, number] of numbers.entries()) {
      // Just above the number or just at it: only the right number gives both answers.
      const isDrawn = index % 2 === 1;
      if (isDrawn) assert.equal(chance.draw(Float64Array.of(number, 1 - number), 1), 1);
      else assert.equal(chance.happens(number * (1 + 2 ** -40)), true);
    }
    const again = keyedChance(accept, accept, position);
    for (const number of numbers) assert.equal(again.happens(number), false);
  }
});

test('what cannot happen never does, and what is certain always', () => {
  for (let position = 0; position < 1000; position++) {
    const chance = keyedChance(accept, target, position);
    assert.equal(chance.happens(0), false);
    assert.equal(chance.happens(1), true);
  }
});

test('nonsense probabilities and totals are broken invariants', () => {
  const chance = keyedChance(accept, target, 0);
  for (const probability of [NaN, -0.1, 1.0001]) {
    assert.throws(() => chance.happens(probability), { name: 'InvariantError' });
  }
  for (const total of [0, NaN, Infinity]) {
    assert.throws(() => chance.draw(Float64Array.of(1), total), { name: 'InvariantError' });
  }
  assert.throws(() => indexAtMass(Float64Array.of(0, 0), 0), { name: 'InvariantError' });
});

// The noise is a fixed function, so these cannot fail by chance: a false alarm would have had the
// stated odds once.
test('draws follow their weights over positions (odds of a false alarm 1e-6)', () => {
  const probs = Float64Array.of(0.5, 0, 0.3, 0.15, 0.05);
  const counts = new Float64Array(probs.length);
  let happened = 0;
  const sampleCount = 20_000;
  for (let position = 0; position < sampleCount; position++) {
    const chance = keyedChance(accept, target, position);
    if (chance.happens(0.3)) happened++;
    counts[chance.draw(probs, 1)]!++;
  }
  assert.ok(chiSquareFit(counts, probs).pValue > 1e-6);
  assert.ok(chiSquareFit([happened, sampleCount - happened], [0.3, 0.7]).pValue > 1e-6);
});
