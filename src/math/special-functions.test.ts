// Tests special functions against identities and published tables.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { gammaUpper } from './chi-square.suite.js';
import { betaLower, lnGamma } from './special-functions.js';

const near = (a: number, b: number, tolerance: number): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(1e-300, Math.abs(a), Math.abs(b));

test('lnGamma is the logarithm of the factorial, and of the half-integer values', () => {
  let lnFactorial = 0;
  for (let n = 1; n <= 100; n++) {
    assert.ok(Math.abs(lnGamma(n) - lnFactorial) <= 1e-13 * (1 + lnFactorial), `n ${n}`);
    lnFactorial += Math.log(n);
  }
  assert.ok(near(lnGamma(0.5), Math.log(Math.PI) / 2, 1e-14));
});

test('gammaUpper of a whole a is the head of a Poisson law', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0, max: 120, noNaN: true }),
      (a, x) => {
        let term = Math.exp(-x);
        let head = 0;
        for (let k = 0; k < a; k++) {
          head += term;
          term *= x / (k + 1);
        }
        assert.ok(Math.abs(gammaUpper(a, x) - head) < 1e-12 * Math.max(head, 1e-3));
      },
    ),
    { numRuns: 500 },
  );
});

test('gammaUpper runs from 1 to 0 and meets the published critical values of chi-square', () => {
  assert.equal(gammaUpper(2, 0), 1);
  assert.equal(gammaUpper(2, Infinity), 0);
  // Degrees, statistic, upper tail: the usual tables.
  for (const [degrees, statistic, tail] of [
    [1, 3.841458820694124, 0.05],
    [5, 11.070497693516351, 0.05],
    [10, 23.209251158954356, 0.01],
    [100, 124.3421134004, 0.05],
  ] as const) {
    assert.ok(near(gammaUpper(degrees / 2, statistic / 2), tail, 1e-9));
  }
});

test('betaLower of whole a and b is the tail of a binomial law', () => {
  const whole = fc.integer({ min: 1, max: 20 });
  fc.assert(
    fc.property(whole, whole, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, x) => {
      const n = a + b - 1;
      let tail = 0;
      for (let k = a; k <= n; k++) {
        const lnChoose = lnGamma(n + 1) - lnGamma(k + 1) - lnGamma(n - k + 1);
        tail += Math.exp(lnChoose) * x ** k * (1 - x) ** (n - k);
      }
      assert.ok(Math.abs(betaLower(a, b, x) - tail) < 1e-12);
    }),
    { numRuns: 500 },
  );
});

test('betaLower and its mirror image sum to 1', () => {
  const shape = fc.double({ min: 0.1, max: 200, noNaN: true });
  fc.assert(
    fc.property(shape, shape, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (a, b, x) => {
      assert.ok(Math.abs(betaLower(a, b, x) + betaLower(b, a, 1 - x) - 1) < 1e-11);
    }),
  );
});
