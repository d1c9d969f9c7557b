// Tests expected tokens of a round against the plain sum, also where the plain formula loses
// digits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expectedTokens } from './expected-tokens.js';

const rate = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 1, 1e-300, 1 - 2 ** -53, 1 - 1e-12, 1 - 1e-8),
);

test('expected tokens are the sum of the chances to get that far', () => {
  fc.assert(
    fc.property(rate, fc.nat(64), (alpha, gamma) => {
      let sum = 0;
      for (let accepted = 0; accepted <= gamma; accepted++) sum += alpha ** accepted;
      const tokens = expectedTokens(alpha, gamma);
      assert.ok(Math.abs(tokens - sum) <= 1e-13 * sum, `${tokens}, not ${sum}`);
    }),
    { numRuns: 500 },
  );
});

test('near certainty the plain formula loses digits that this one keeps', () => {
  const alpha = 1 - 1e-8;
  let sum = 0;
  for (let accepted = 0; accepted <= 10; accepted++) sum += alpha ** accepted;
  const plainFormula = (1 - alpha ** 11) / (1 - alpha);
  assert.ok(Math.abs(plainFormula / sum - 1) > 1e-10);
  assert.ok(Math.abs(expectedTokens(alpha, 10) / sum - 1) < 1e-14);
});

test('certain, hopeless and endless drafts have their limits', () => {
  assert.equal(expectedTokens(1, 7), 8);
  assert.equal(expectedTokens(0, 7), 1);
  assert.equal(expectedTokens(0.5, Infinity), 2);
});

test('rates outside [0, 1] and negative lengths are broken invariants', () => {
  for (const [alpha, gamma] of [
    [1.01, 1],
    [-0.1, 1],
    [NaN, 1],
    [0.5, -1],
  ] as const) {
    assert.throws(() => expectedTokens(alpha, gamma), { name: 'InvariantError' });
  }
});
