// Tests the cells of the coupled race: they cover the noise once, and real noise falls into each as
// often as its weight says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tameLawOf } from './arbitrary.suite.js';
import { chiSquareFit } from './chi-square.suite.js';
import { raceWinner } from './coupled.js';
import { type Law, probOf } from './law.js';
import { exponential, noiseKey } from './noise.js';
import { type RaceCell, raceCells } from './race-cells.suite.js';

const vocabSize = 6;
const laws = fc.record({ target: tameLawOf(vocabSize), draft: tameLawOf(vocabSize) });

const massWhere = (cells: readonly RaceCell[], keep: (cell: RaceCell) => boolean): number =>
  cells.filter(keep).reduce((sum, { weight }) => sum + weight, 0);

test('each winner alone follows its own law, so the cells miss nothing and overlap nowhere', () => {
  fc.assert(
    fc.property(laws, ({ target, draft }) => {
      const cells = raceCells(target, draft);
      for (let id = 0; id < vocabSize; id++) {
        const asDraft = massWhere(cells, ({ draftToken }) => draftToken === id);
        const asTarget = massWhere(cells, ({ targetToken }) => targetToken === id);
        assert.ok(Math.abs(asDraft - probOf(draft, id)) < 1e-12, `draft ${id}: ${asDraft}`);
        assert.ok(Math.abs(asTarget - probOf(target, id)) < 1e-12, `target ${id}: ${asTarget}`);
      }
    }),
    { numRuns: 500 },
  );
});

test('the noise of a cell lets the shipped race win as the cell says', () => {
  fc.assert(
    fc.property(laws, ({ target, draft }) => {
      for (const { draftToken, targetToken, weight, variate } of raceCells(target, draft)) {
        // A cone thinner than rounding has no inner point in float64.
        if (weight < 1e-12) continue;
        assert.equal(raceWinner(draft, variate), draftToken);
        assert.equal(raceWinner(target, variate), targetToken);
      }
    }),
    { numRuns: 500 },
  );
});

test('real noise falls into the cells as often as they weigh (odds of a false alarm 1e-6)', () => {
  const law = (...probs: number[]): Law => ({ kind: 'dense', probs: Float64Array.from(probs) });
  const target = law(0.5, 0.3, 0.2, 0);
  const draft = law(0.1, 0.2, 0.3, 0.4);
  const key = noiseKey(9n, 'race');
  const counts = new Map<number, number>();
  for (let position = 0; position < 20_000; position++) {
    const variate = (token: number): number => exponential(key, position, token);
    const cell = raceWinner(draft, variate) * 4 + raceWinner(target, variate);
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  }
  const weights = new Float64Array(16);
  for (const { draftToken, targetToken, weight } of raceCells(target, draft)) {
    weights[draftToken * 4 + targetToken]! += weight;
  }
  const observed = Array.from(weights, (_, cell) => counts.get(cell) ?? 0);
  assert.ok(chiSquareFit(observed, weights).pValue > 1e-6);
});
