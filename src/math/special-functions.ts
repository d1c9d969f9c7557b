// Computes the three special functions that hypothesis tests need. Accurate to about 1e-13 in the
// range of those tests; not for arguments beyond 1e6. Sources: Lanczos 1964 with Godfrey's
// coefficients (g = 607/128, n = 15); series and continued fractions of the NIST Digital Library of
// Mathematical Functions, sections 8.7, 8.9 and 8.17.

import { assert } from '../base/assert.js';

const lanczosShift = 607 / 128;
const lanczosTerms: readonly number[] = [
  0.9999999999999971, 57.15623566586292, -59.59796035547549, 14.136097974741746,
  -0.4919138160976202, 3.399464998481189e-5, 4.652362892704858e-5, -9.837447530487956e-5,
  0.0001580887032249125, -0.00021026444172410488, 0.00021743961811521265, -0.0001643181065367639,
  8.441822398385275e-5, -2.6190838401581408e-5, 3.6899182659531625e-6,
];

/** Natural logarithm of the gamma function. @param x > 0. */
export function lnGamma(x: number): number {
  assert(x > 0, `lnGamma of ${x}, which is not above 0`);
  const sum = lanczosTerms.reduce((total, term, index) =>
    index === 0 ? term : total + term / (x + index),
  );
  const shifted = x + lanczosShift + 0.5;
  return (x + 0.5) * Math.log(shifted) - shifted + Math.log((Math.sqrt(2 * Math.PI) * sum) / x);
}

/** Most terms; a series or fraction that needs more has failed. */
const termsMax = 100_000;

/**
 * Regularised upper incomplete gamma function Q(a, x), in [0, 1]: DLMF 8.2.4.
 *
 * @param a > 0.
 * @param x >= 0.
 */
export function gammaUpper(a: number, x: number): number {
  assert(a > 0 && x >= 0, `gammaUpper of a ${a}, x ${x}: a must be above 0, x at least 0`);
  if (x === 0) return 1;
  if (x === Infinity) return 0;
  const scale = Math.exp(a * Math.log(x) - x - lnGamma(a));
  // The series converges fast below the mean of the gamma law, the fraction above it.
  return x < a + 1 ? 1 - scale * gammaSeries(a, x) : scale * gammaFraction(a, x);
}

/** Sum of x^k / (a (a+1) ... (a+k)): DLMF 8.7.1. */
function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let k = 1; k < termsMax; k++) {
    term *= x / (a + k);
    sum += term;
    if (term < sum * 2 ** -54) return sum;
  }
  assert(false, `series of gammaUpper(${a}, ${x}) did not converge`);
}

/** DLMF 8.9.2, even part. */
function gammaFraction(a: number, x: number): number {
  return continuedFraction(
    (k) => (k === 0 ? 1 : k * (a - k)),
    (k) => x + 2 * k + 1 - a,
  );
}

/**
 * a0 / (b0 + a1 / (b1 + ...)) by the modified Lentz method: Thompson and Barnett 1986, section 2.
 *
 * @param numeratorAt ak, @param denominatorAt bk, for k >= 0.
 */
function continuedFraction(
  numeratorAt: (k: number) => number,
  denominatorAt: (k: number) => number,
): number {
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let value = tiny;
  let c = tiny;
  let d = 0;
  for (let k = 0; k < termsMax; k++) {
    d = 1 / away(denominatorAt(k) + numeratorAt(k) * d);
    c = away(denominatorAt(k) + numeratorAt(k) / c);
    value *= c * d;
    if (Math.abs(c * d - 1) < 2 ** -52) return value;
  }
  assert(false, 'continued fraction did not converge');
}

/**
 * Regularised incomplete beta function I_x(a, b), in [0, 1]: DLMF 8.17.2.
 *
 * @param a > 0.
 * @param b > 0.
 * @param x in [0, 1].
 */
export function betaLower(a: number, b: number, x: number): number {
  assert(a > 0 && b > 0 && x >= 0 && x <= 1, `betaLower of a ${a}, b ${b}, x ${x}`);
  if (x === 0 || x === 1) return x;
  // The fraction converges fast below the mean; above it the mirrored function is used.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaLower(b, a, 1 - x);
  const lnScale = lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
  return (Math.exp(lnScale) * betaFraction(a, b, x)) / a;
}

/** DLMF 8.17.22. */
function betaFraction(a: number, b: number, x: number): number {
  const numeratorAt = (k: number): number => {
    if (k === 0) return 1;
    const m = k >> 1;
    return k % 2 === 0
      ? (m * (b - m) * x) / ((a + k - 1) * (a + k))
      : (-(a + m) * (a + b + m) * x) / ((a + k - 1) * (a + k));
  };
  return continuedFraction(numeratorAt, () => 1);
}
