// Tests cut target laws: the tokens they keep and drop, and that residuals drawn through them stay
// exact.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lawPair } from './arbitrary.suite.js';
import {
  type CutLaw,
  checkCutLaw,
  checkWhole,
  cutLaw,
  residualFromCut,
  residualFromWhole,
} from './cut-law.js';
import { allBranches } from './enumerating-chance.suite.js';
import { type Law, probOf } from './law.js';
import { supportSize, toDense } from './law.suite.js';
import { residual } from './residual.js';
import { sumOf } from './sum.js';

const keepMax = fc.integer({ min: 1, max: 12 });

/** Laws that differ by more than rounding: between equal ones no draft is ever rejected. */
const differingPair = lawPair.filter(
  ({ targetLaw, draftLaw }) => residual(targetLaw, draftLaw).mass > 1e-6,
);

test('a cut lists the likeliest tokens with their own probabilities and weighs the rest', () => {
  fc.assert(
    fc.property(lawPair, keepMax, ({ vocabSize, targetLaw }, count) => {
      const cut = cutLaw(targetLaw, { keepMax: count });
      assert.equal(checkCutLaw(cut, vocabSize), null);
      assert.equal(checkWhole(cut, targetLaw), null);
      assert.equal(cut.ids.length, Math.min(count, supportSize(targetLaw)));
      cut.ids.forEach((id, index) => {
        assert.equal(cut.probs[index], probOf(targetLaw, id));
      });
      const unlisted = toDense(targetLaw, vocabSize).probs.filter((_, id) => !cut.ids.includes(id));
      assert.ok(Math.abs(cut.tailMass - sumOf(unlisted)) < 1e-15);
      assert.ok(unlisted.every((prob) => prob <= cut.probs.at(-1)!));
    }),
  );
});

test('a cut by mass keeps the fewest tokens that leave no more than it', () => {
  const mass = fc.double({ min: 0, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(lawPair, mass, ({ targetLaw }, tailMassMax) => {
      const cut = cutLaw(targetLaw, { tailMassMax });
      assert.ok(cut.tailMass <= tailMassMax + 1e-15);
      if (cut.ids.length > 1) assert.ok(cut.tailMass + cut.probs.at(-1)! > tailMassMax - 1e-15);
    }),
  );
});

test('the residual drawn through a cut follows the residual law exactly, wherever it is cut', () => {
  let tailCount = 0;
  fc.assert(
    fc.property(differingPair, keepMax, ({ vocabSize, targetLaw, draftLaw }, count) => {
      const cut = cutLaw(targetLaw, { keepMax: count });
      const branches = allBranches((chance) => {
        const answer = residualFromCut(cut, draftLaw, chance);
        if (answer.kind === 'token') return answer.token;
        tailCount++;
        return residualFromWhole(cut, targetLaw, draftLaw, chance);
      });
      const drawn = new Float64Array(vocabSize);
      for (const { value, weight } of branches) drawn[value]! += weight;
      const truth = residual(targetLaw, draftLaw).law;
      drawn.forEach((prob, id) => {
        assert.ok(Math.abs(prob - probOf(truth, id)) < 1e-9, `token ${id}: ${prob}`);
      });
    }),
    { numRuns: 500 },
  );
  assert.ok(tailCount > 100, `the tail was needed in ${tailCount} branches`);
});

test('the tail is needed with probability tail / (listed residual + tail)', () => {
  const law = (...probs: number[]): Law => ({ kind: 'dense', probs: Float64Array.from(probs) });
  const cut = cutLaw(law(0.5, 0.3, 0.2), { keepMax: 1 });
  const draftLaw = law(0.2, 0.1, 0.7);
  const needed = allBranches((chance) => residualFromCut(cut, draftLaw, chance).kind)
    .filter(({ value }) => value === 'tail-needed')
    .reduce((sum, { weight }) => sum + weight, 0);
  assert.ok(Math.abs(needed - 0.5 / (0.3 + 0.5)) < 1e-15);
});

test('a cut that lists everything never needs the tail', () => {
  fc.assert(
    fc.property(lawPair, ({ targetLaw, draftLaw }) => {
      const cut = cutLaw(targetLaw, { keepMax: 12 });
      const kinds = allBranches((chance) => residualFromCut(cut, draftLaw, chance).kind);
      assert.ok(kinds.every(({ value }) => value === 'token'));
    }),
  );
});

const cutOf = (ids: number[], probs: number[], tailMass: number): CutLaw => ({
  ids: Int32Array.from(ids),
  probs: Float64Array.from(probs),
  tailMass,
});

const faulty: readonly (readonly [string, CutLaw, RegExp])[] = [
  ['nothing listed', cutOf([], [], 1), /no token is listed/],
  ['tail mass NaN', cutOf([0], [1], NaN), /tail mass NaN/],
  ['tail mass below 0', cutOf([0], [1], -0.1), /tail mass -0.1/],
  ['tail mass 1', cutOf([0], [0.5], 1), /tail mass 1 /],
  ['a probability of 0', cutOf([0, 1], [0.5, 0], 0.5), /probability 0 at index 1/],
  ['a probability NaN', cutOf([0, 1], [NaN, 0.5], 0.5), /probability NaN at index 0/],
  ['a repeated id', cutOf([1, 1], [0.4, 0.4], 0.2), /id 1 appears twice/],
  ['an id out of range', cutOf([9], [0.5], 0.5), /id 9 is outside/],
  ['mass missing', cutOf([0], [0.5], 0.25), /sum 0.75 is not 1/],
];

for (const [name, cut, message] of faulty) {
  test(`checkCutLaw names the fault: ${name}`, () => {
    assert.match(String(checkCutLaw(cut, 4)), message);
  });
}

test('checkWhole finds a law that its cut was not cut from', () => {
  const law = (...probs: number[]): Law => ({ kind: 'dense', probs: Float64Array.from(probs) });
  const cut = cutLaw(law(0.5, 0.3, 0.2), { keepMax: 2 });
  assert.match(String(checkWhole(cut, law(0.3, 0.5, 0.2))), /differs from its cut at index 0/);
  assert.match(String(checkWhole(cut, law(0.5, 0.3, 0, 0.1))), /tail mass 0.1 is not 0.2/);
});

test('a cut of no tokens is a broken invariant', () => {
  const law: Law = { kind: 'dense', probs: Float64Array.of(1) };
  assert.throws(() => cutLaw(law, { keepMax: 0 }), { name: 'InvariantError' });
});
