// Draws a token from a law.

import type { Chance } from './chance.js';
import { type Law, tokenAt } from './law.js';
import { sumOf } from './sum.js';

/**
 * Draws a token with the probability that the law gives it; never one of probability 0.
 *
 * @param chance asked once.
 * @returns a token id.
 *
 * @example
 * ```ts
 * import { drawToken, keyedChance, noiseKey, sparseLaw } from 'pilotfish/math';
 *
 * const law = sparseLaw(Int32Array.of(7, 3), Float64Array.of(3, 1));
 * const key = noiseKey(1234n, 'target');
 * [3, 7].includes(drawToken(law, keyedChance(key, key, 0))); // = true
 * ```
 */
export function drawToken(law: Law, chance: Chance): number {
  return tokenAt(law, chance.draw(law.probs, sumOf(law.probs)));
}
