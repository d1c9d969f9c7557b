// Defines the two questions a scheme may ask of chance. In production counter-based noise answers
// them; in proofs every answer is walked with its weight. A scheme that asks nothing else can be
// proved by enumeration.

import { assert } from '../base/assert.js';
import { type NoiseKey, uniform } from './noise.js';

/**
 * All the chance that a scheme may ask for: two questions. In production counter-based noise
 * answers them (`keyedChance`), in proofs every answer is walked with its weight.
 */
export interface Chance {
  /** True with this probability, in [0, 1]; never at 0, always at 1. */
  happens(probability: number): boolean;
  /**
   * An index drawn with probability weights[index] / total; never one of weight 0.
   *
   * @param weights [n], finite, each >= 0; not changed.
   * @param total their sum up to rounding, > 0.
   */
  draw(weights: Float64Array, total: number): number;
}

/** Draws reserved for one attempt at one position. No scheme makes nearly as many. */
const drawsPerAttempt = 256;

/**
 * Chance at one position of a sequence: the n-th question is answered by the n-th number of its
 * stream. Asked the same questions again, it gives the same answers, so a resent round repeats
 * itself.
 *
 * @param acceptKey answers `happens`.
 * @param drawKey answers `draw`; may be the same key.
 * @param position absolute position, in [0, 2^32).
 * @param attempt in [0, 2^24): how many drafts of this position were discarded before; the epoch
 *   will do. May stay 0 if no later decision, draft lengths included, depended on the discarded
 *   drafts: MATH.md, "Noise".
 *
 * @example
 * ```ts
 * import { drawToken, keyedChance, noiseKey, pointLaw } from 'pilotfish/math';
 *
 * const key = noiseKey(1234n, 'target');
 * const chance = keyedChance(key, key, 17);
 * chance.happens(1); // = true
 * drawToken(pointLaw(42), chance); // = 42
 * ```
 */
export function keyedChance(
  acceptKey: NoiseKey,
  drawKey: NoiseKey,
  position: number,
  attempt = 0,
): Chance {
  let index = attempt * drawsPerAttempt;
  return {
    happens(probability) {
      assert(probability >= 0 && probability <= 1, `probability ${probability} is outside [0, 1]`);
      return uniform(acceptKey, position, index++) < probability;
    },
    draw(weights, total) {
      assert(total > 0 && total < Infinity, `total weight ${total} is not a number above 0`);
      return indexAtMass(weights, uniform(drawKey, position, index++) * total);
    },
  };
}

/**
 * Inverse of the cumulative sum: the first index at which it exceeds `mass`.
 *
 * @param weights [n], each >= 0, some > 0.
 * @param mass at or above the sum (rounding can lead there): the last index of weight above 0.
 */
export function indexAtMass(weights: Float64Array, mass: number): number {
  let cumulative = 0;
  let last = -1;
  for (let index = 0; index < weights.length; index++) {
    if (!(weights[index]! > 0)) continue;
    cumulative += weights[index]!;
    last = index;
    if (cumulative > mass) return index;
  }
  assert(last >= 0, `none of ${weights.length} weights is above 0`);
  return last;
}
