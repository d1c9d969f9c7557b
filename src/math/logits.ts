// Reads a row of logits: its largest entry and its weights, with rules for NaN and infinities.
// Knows no filter. A row without an entry above -Infinity is a failure of the model, never a law.

import { PilotfishError } from '../base/error.js';
import { sumOf } from './sum.js';

/**
 * [vocab]. NaN counts as -Infinity: such a token is never drawn. Entries of +Infinity share all
 * mass evenly.
 */
export type Logits = Float32Array | Float64Array;

/**
 * Index of the largest logit; of equal ones the lowest.
 *
 * @throws PilotfishError `engine-failed` when no entry is above -Infinity.
 */
export function argmax(logits: Logits): number {
  let winner = -1;
  let best = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    // NaN fails the comparison, as intended.
    if (logits[id]! > best) {
      best = logits[id]!;
      winner = id;
    }
  }
  if (winner < 0) {
    throw new PilotfishError(
      'engine-failed',
      `none of ${logits.length} logits is above -Infinity: no token can follow`,
    );
  }
  return winner;
}

/**
 * Unnormalised probability of one token, in [0, 1]: exp((logit - max) / temperature). The maximum
 * is subtracted first, so nothing overflows at any temperature. A weight that underflows to 0 is
 * impossible.
 *
 * @param max largest logit of the row, above -Infinity.
 * @param temperature > 0.
 */
export function weightOf(logit: number, max: number, temperature: number): number {
  if (max === Infinity) return logit === Infinity ? 1 : 0;
  return logit > -Infinity ? Math.exp((logit - max) / temperature) : 0;
}

/**
 * Weights of a whole row.
 *
 * @param temperature > 0.
 * @returns [vocab], owned by the caller; the largest logit has weight 1.
 * @throws PilotfishError `engine-failed` when no entry is above -Infinity.
 */
export function weightsOf(logits: Logits, temperature: number): Float64Array {
  const max = logits[argmax(logits)]!;
  const weights = new Float64Array(logits.length);
  for (let id = 0; id < logits.length; id++) {
    weights[id] = weightOf(logits[id]!, max, temperature);
  }
  return weights;
}

/**
 * Softmax probability of one token at temperature 1 before any filter: the confidence that stop
 * rules look at.
 *
 * @throws PilotfishError `engine-failed` when no entry is above -Infinity.
 */
export function softmaxProb(logits: Logits, token: number): number {
  const weights = weightsOf(logits, 1);
  return weights[token]! / sumOf(weights);
}
