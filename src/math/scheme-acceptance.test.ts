// Tests closed-form acceptance of every scheme against the definitions, and the order of the
// schemes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lawPair, tameLawOf } from './arbitrary.suite.js';
import { type Law, probOf } from './law.js';
import { raceCells } from './race-cells.suite.js';
import { residual } from './residual.js';
import {
  agreementAcceptance,
  coupledAcceptance,
  ratioAcceptance,
} from './scheme-acceptance.suite.js';

test('coupled acceptance is the weight of the cells where both races have one winner', () => {
  fc.assert(
    fc.property(tameLawOf(6), tameLawOf(6), (targetLaw, draftLaw) => {
      const diagonal = raceCells(targetLaw, draftLaw)
        .filter(({ draftToken, targetToken }) => draftToken === targetToken)
        .reduce((sum, { weight }) => sum + weight, 0);
      assert.ok(Math.abs(coupledAcceptance(targetLaw, draftLaw) - diagonal) < 1e-12);
    }),
    { numRuns: 500 },
  );
});

test('no scheme accepts more than the ratio test, and coupled stays within its bound of it', () => {
  fc.assert(
    fc.property(lawPair, ({ targetLaw, draftLaw }) => {
      const best = ratioAcceptance(targetLaw, draftLaw);
      const coupled = coupledAcceptance(targetLaw, draftLaw);
      const distance = 1 - best;
      assert.ok(coupled <= best + 1e-12);
      assert.ok(coupled >= (1 - distance) / (1 + distance) - 1e-12);
      assert.ok(agreementAcceptance(targetLaw, draftLaw) <= coupled + 1e-12);
    }),
    { numRuns: 500 },
  );
});

test('what the ratio test does not accept is the mass of the residual', () => {
  fc.assert(
    fc.property(lawPair, ({ targetLaw, draftLaw }) => {
      const { mass } = residual(targetLaw, draftLaw);
      assert.ok(Math.abs(ratioAcceptance(targetLaw, draftLaw) - (1 - mass)) < 1e-12);
    }),
  );
});

test('equal laws are always accepted, disjoint ones never', () => {
  const law = (...probs: number[]): Law => ({ kind: 'dense', probs: Float64Array.from(probs) });
  const left = law(0.25, 0.75, 0, 0);
  const right = law(0, 0, 0.5, 0.5);
  for (const acceptance of [ratioAcceptance, coupledAcceptance]) {
    assert.equal(acceptance(left, left), 1);
    assert.equal(acceptance(left, right), 0);
  }
  assert.equal(agreementAcceptance(left, left), 0.25 ** 2 + 0.75 ** 2);
  assert.equal(probOf(left, 2), 0);
});
