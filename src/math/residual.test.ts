// Tests that the residual law completes the target law exactly after a rejection, for laws in any
// form.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lawPair } from './arbitrary.suite.js';
import { checkLaw, type Law, probOf } from './law.js';
import { toDense } from './law.suite.js';
import { acceptProbability, residual } from './residual.js';

test('accepting and replacing together give the target law, token by token', () => {
  fc.assert(
    fc.property(lawPair, ({ vocabSize, targetLaw, draftLaw }) => {
      const { law, mass } = residual(targetLaw, draftLaw);
      for (let id = 0; id < vocabSize; id++) {
        const draft = probOf(draftLaw, id);
        const target = probOf(targetLaw, id);
        const drawn = draft * acceptProbability(target, draft) + mass * probOf(law, id);
        assert.ok(Math.abs(drawn - target) < 1e-14, `token ${id}: ${drawn}, not ${target}`);
      }
    }),
    { numRuns: 500 },
  );
});

test('a residual is a valid law within the support of the target', () => {
  fc.assert(
    fc.property(lawPair, ({ vocabSize, targetLaw, draftLaw }) => {
      const { law, mass } = residual(targetLaw, draftLaw);
      assert.equal(checkLaw(law, vocabSize), null);
      assert.equal(law.kind, targetLaw.kind);
      assert.ok(mass >= 0 && mass <= 1 + 1e-15);
      for (let id = 0; id < vocabSize; id++) {
        const target = probOf(targetLaw, id);
        if (target === 0 || (mass > 0 && target <= probOf(draftLaw, id))) {
          assert.equal(probOf(law, id), 0);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('the residual does not depend on the form of either law', () => {
  fc.assert(
    fc.property(lawPair, ({ vocabSize, targetLaw, draftLaw }) => {
      const dense = (law: Law): Law => toDense(law, vocabSize);
      const expected = residual(dense(targetLaw), dense(draftLaw));
      for (const draft of [draftLaw, dense(draftLaw)]) {
        const { law, mass } = residual(targetLaw, draft);
        assert.ok(Math.abs(mass - expected.mass) < 1e-15);
        for (let id = 0; id < vocabSize; id++) {
          assert.ok(Math.abs(probOf(law, id) - probOf(expected.law, id)) < 1e-12 / (mass || 1));
        }
      }
    }),
  );
});

test('equal laws leave nothing, and the target law stands in', () => {
  const law: Law = { kind: 'dense', probs: Float64Array.of(0.5, 0.5) };
  assert.deepEqual(residual(law, law), { law, mass: 0 });
});

test('a token that either law excludes never stands', () => {
  assert.equal(acceptProbability(0, 0.5), 0);
  assert.equal(acceptProbability(0.5, 0), 0);
  assert.equal(acceptProbability(0, 0), 0);
  assert.equal(acceptProbability(5e-324, 1), 5e-324);
});

test('the ratio is capped at certainty, also where it overflows', () => {
  assert.equal(acceptProbability(0.6, 0.3), 1);
  assert.equal(acceptProbability(1, 5e-324), 1);
  assert.equal(acceptProbability(0.3, 0.6), 0.5);
  assert.throws(() => acceptProbability(NaN, 0.5), { name: 'InvariantError' });
});
