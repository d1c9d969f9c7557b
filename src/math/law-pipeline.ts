// Makes a law from logits: temperature, top-k, top-p, min-p. Draft and target use the same
// function. Penalties and bias come before (penalty.ts). MATH.md explains the order. Draws nothing.

import { largestFirst } from './largest-first.js';
import { denseLaw, type Law, pointLaw, type SparseLaw, sparseLaw } from './law.js';
import { argmax, type Logits, weightOf, weightsOf } from './logits.js';
import { isFiltered, type Sampling } from './sampling.js';
import { sumOf } from './sum.js';

/**
 * The law of a row: temperature, top-k, top-p, min-p, in this order. Draft and target use the same
 * function. MATH.md, "Laws".
 *
 * @param logits [vocab] after penalties and bias; not changed. For NaN and infinities see Logits.
 * @returns sparse at temperature 0 or with a filter, else dense. Tokens whose weight underflows
 *   float64 are left out of a sparse law and have probability 0 in a dense one.
 * @throws PilotfishError `engine-failed` when no logit is above -Infinity.
 *
 * @example
 * ```ts
 * import { lawFromLogits, plainSampling } from 'pilotfish/math';
 *
 * const logits = Float64Array.of(0, Math.log(3), -Infinity);
 * lawFromLogits(logits, plainSampling).probs; // = [0.25, 0.75, 0]
 * lawFromLogits(logits, { ...plainSampling, topK: 1 }).kind; // = 'sparse'
 * ```
 */
export function lawFromLogits(logits: Logits, sampling: Sampling): Law {
  if (sampling.temperature === 0) return pointLaw(argmax(logits));
  if (!isFiltered(sampling)) return denseLaw(weightsOf(logits, sampling.temperature));
  return sampling.topK > 0 ? topKLaw(logits, sampling) : nucleusLaw(logits, sampling);
}

/**
 * Depends on the k largest logits and their ids alone, so a kernel may pass just those, in rising
 * order of id.
 */
function topKLaw(logits: Logits, sampling: Sampling): SparseLaw {
  const max = logits[argmax(logits)]!;
  const ids = largestFirst(logits, sampling.topK, -Infinity);
  const weights = weightsAt(ids, logits, max, sampling.temperature);
  return prefixLaw(ids, weights, keptCount(weights, sumOf(weights), sampling));
}

/** Number of entries ranked first; then eight times as many, until the filters have enough. */
const firstRankCount = 64;

function nucleusLaw(logits: Logits, sampling: Sampling): SparseLaw {
  const max = logits[argmax(logits)]!;
  const total = sumOf(weightsOf(logits, sampling.temperature));
  for (let countMax = firstRankCount; ; countMax *= 8) {
    const ids = largestFirst(logits, countMax, -Infinity);
    const weights = weightsAt(ids, logits, max, sampling.temperature);
    const kept = keptCount(weights, total, sampling);
    if (kept < ids.length || ids.length < countMax) return prefixLaw(ids, weights, kept);
  }
}

function weightsAt(
  ids: Int32Array,
  logits: Logits,
  max: number,
  temperature: number,
): Float64Array {
  return Float64Array.from(ids, (id) => weightOf(logits[id]!, max, temperature));
}

/**
 * How many of the ranked tokens survive top-p and min-p. Each keeps a prefix of the falling order,
 * so their order does not matter. The likeliest always stays.
 *
 * @param weights [n >= 1] falling, the first is 1.
 * @param total weight of all tokens that top-k kept; top-p is a share of this.
 */
function keptCount(weights: Float64Array, total: number, { topP, minP }: Sampling): number {
  const massMin = topP < 1 ? topP * total : Infinity;
  let mass = 0;
  let count = 0;
  while (count < weights.length && mass < massMin && weights[count]! >= minP) {
    mass += weights[count++]!;
  }
  return count;
}

function prefixLaw(ids: Int32Array, weights: Float64Array, count: number): SparseLaw {
  return sparseLaw(ids.subarray(0, count), weights.subarray(0, count));
}
