// Defines laws in their two forms; builds, reads and checks them. A law is the probability
// distribution a token is drawn from, after all sampling parameters. Made from logits in
// law-pipeline.ts.

import { assert } from '../base/assert.js';
import { largestFirst } from './largest-first.js';
import { sumOf } from './sum.js';

/** A law over the few tokens that survived a filter. */
export interface SparseLaw {
  readonly kind: 'sparse';
  /** [n >= 1], ordered by falling probability, ties by rising id. Distinct. */
  readonly ids: Int32Array;
  /** [n], each > 0, sum 1 within 1e-12. */
  readonly probs: Float64Array;
}

/** A law over the whole vocabulary. */
export interface DenseLaw {
  readonly kind: 'dense';
  /** [vocab], each >= 0, sum 1 within 1e-9. */
  readonly probs: Float64Array;
}

/** The probability distribution that a token is drawn from, after all sampling parameters. */
export type Law = SparseLaw | DenseLaw;

/**
 * How far the sum of a law may be from 1. Dense laws may come from a kernel that works in float32.
 */
export const lawSumTolerance = { sparse: 1e-12, dense: 1e-9 } as const;

/**
 * The law of one certain token.
 *
 * @returns arrays owned by the caller.
 *
 * @example
 * ```ts
 * import { pointLaw, probOf } from 'pilotfish/math';
 *
 * probOf(pointLaw(7), 7); // = 1
 * ```
 */
export function pointLaw(token: number): SparseLaw {
  return { kind: 'sparse', ids: Int32Array.of(token), probs: Float64Array.of(1) };
}

/**
 * The sparse law proportional to `weights`. Leaves out tokens whose probability is 0 or underflows.
 *
 * @param ids [n] distinct, any order; not changed, not kept.
 * @param weights [n], each finite and >= 0, at least one > 0; not changed, not kept.
 * @returns tokens by falling probability, ties by rising id; arrays owned by the caller.
 *
 * @example
 * ```ts
 * import { sparseLaw } from 'pilotfish/math';
 *
 * const law = sparseLaw(Int32Array.of(3, 7, 9), Float64Array.of(1, 3, 0));
 * law.ids; // = [7, 3]
 * law.probs; // = [0.75, 0.25]
 * ```
 */
export function sparseLaw(ids: Int32Array, weights: Float64Array): SparseLaw {
  const total = sumOf(weights);
  assert(total > 0, `weights of a law sum to ${total}, not above 0`);
  const pairs: { id: number; prob: number }[] = [];
  for (let index = 0; index < ids.length; index++) {
    const prob = weights[index]! / total;
    if (prob > 0) pairs.push({ id: ids[index]!, prob });
  }
  pairs.sort((a, b) => b.prob - a.prob || a.id - b.id);
  return {
    kind: 'sparse',
    ids: Int32Array.from(pairs, ({ id }) => id),
    probs: Float64Array.from(pairs, ({ prob }) => prob),
  };
}

/**
 * The dense law proportional to `weights`.
 *
 * @param weights [vocab], finite, >= 0, some > 0; the law takes ownership.
 *
 * @example
 * ```ts
 * import { denseLaw } from 'pilotfish/math';
 *
 * denseLaw(Float64Array.of(1, 3)).probs; // = [0.25, 0.75]
 * ```
 */
export function denseLaw(weights: Float64Array): DenseLaw {
  const total = sumOf(weights);
  assert(total > 0, `weights of a law sum to ${total}, not above 0`);
  for (let id = 0; id < weights.length; id++) weights[id]! /= total;
  return { kind: 'dense', probs: weights };
}

/**
 * Probability of one token; 0 for a token that the law does not list. O(n) for a sparse law.
 *
 * @param id token, >= 0.
 * @returns in [0, 1].
 *
 * @example
 * ```ts
 * import { denseLaw, probOf } from 'pilotfish/math';
 *
 * probOf(denseLaw(Float64Array.of(1, 3)), 1); // = 0.75
 * ```
 */
export function probOf(law: Law, id: number): number {
  const index = law.kind === 'dense' ? id : law.ids.indexOf(id);
  return law.probs[index] ?? 0;
}

/** `probOf` for many tokens of one law: O(n) to prepare, then O(1) each. */
export function probLookup(law: Law): (id: number) => number {
  if (law.kind === 'dense') return (id) => law.probs[id] ?? 0;
  const probs = new Map<number, number>();
  law.ids.forEach((id, index) => {
    probs.set(id, law.probs[index]!);
  });
  return (id) => probs.get(id) ?? 0;
}

/** The token of entry `index` of `law.probs`. */
export function tokenAt(law: Law, index: number): number {
  return law.kind === 'dense' ? index : law.ids[index]!;
}

/** The same probabilities, zeros left out, in the order of a sparse law. */
export function fromDense(law: DenseLaw): SparseLaw {
  const ids = largestFirst(law.probs, Infinity, 0);
  return { kind: 'sparse', ids, probs: Float64Array.from(ids, (id) => law.probs[id]!) };
}

/**
 * Describes the fault of a law that a peer sent; null: none. Never throws.
 *
 * @param vocabSize ids must lie in [0, vocabSize), a dense law must have this many entries.
 * @returns one clause that names the value and the bound it broke.
 */
export function checkLaw(law: Law, vocabSize: number): string | null {
  const fault = law.kind === 'sparse' ? checkRanked(law, vocabSize) : checkLength(law, vocabSize);
  return fault ?? checkProbs(law);
}

function checkLength({ probs }: DenseLaw, vocabSize: number): string | null {
  return probs.length === vocabSize ? null : `${probs.length} probabilities, not ${vocabSize}`;
}

/** The fault in a list of distinct ids by falling probability, ties by rising id; null: none. */
export function checkRanked(
  { ids, probs }: { readonly ids: Int32Array; readonly probs: Float64Array },
  vocabSize: number,
): string | null {
  if (ids.length !== probs.length) return `${ids.length} ids for ${probs.length} probabilities`;
  const seen = new Set<number>();
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index]!;
    if (id < 0 || id >= vocabSize) return `id ${id} is outside [0, ${vocabSize})`;
    if (seen.has(id)) return `id ${id} appears twice`;
    seen.add(id);
    if (index > 0 && !isRanked(ids, probs, index)) return `id ${id} at ${index} is out of order`;
  }
  return null;
}

function isRanked(ids: Int32Array, probs: Float64Array, index: number): boolean {
  if (probs[index] === probs[index - 1]) return ids[index]! > ids[index - 1]!;
  // The check of the probabilities names NaN.
  return !(probs[index]! > probs[index - 1]!);
}

function checkProbs({ kind, probs }: Law): string | null {
  for (let index = 0; index < probs.length; index++) {
    const prob = probs[index]!;
    if (!(prob >= 0 && prob <= 1)) return `probability ${prob} at index ${index} is outside [0, 1]`;
    if (prob === 0 && kind === 'sparse') return `probability 0 at index ${index} of a sparse law`;
  }
  const sum = sumOf(probs);
  const tolerance = lawSumTolerance[kind];
  return Math.abs(sum - 1) <= tolerance ? null : `sum ${sum} is not 1 within ${tolerance}`;
}
