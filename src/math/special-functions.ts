// Computes the special functions that Student's interval needs. Accurate to about 1e-13 in its
// range; not for arguments beyond 1e6. Sources: Lanczos 1964 with Godfrey's coefficients (g =
// 607/128, n = 15); the NIST Digital Library of Mathematical Functions, section 8.17.

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

/** Most terms; a fraction that needs more has failed. */
export const termsMax = 100_000;

/**
 * a0 / (b0 + a1 / (b1 + ...)) by the modified Lentz method: Thompson and Barnett 1986, section 2.
 *
 * @param numeratorAt ak, @param denominatorAt bk, for k >= 0.
 */
export function continuedFraction(
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
