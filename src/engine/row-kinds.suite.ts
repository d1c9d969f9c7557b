// Generates rows of logits for tests of every RowMath: typical ones, and ones that break careless
// code. A function of vocabulary and seed alone, so a failure repeats.

import { noiseKey, uniform } from '../math/noise.js';
import type { Sampling } from '../math/sampling.js';

/** A logit from two independent uniform numbers and its id. */
type Draw = (u: number, v: number, id: number) => number;

const normal: Draw = (u, v) => Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);

const draws = {
  flat: normal,
  /** Spread as a language model's. */
  peaked: (u, v, id) => 3 * normal(u, v, id),
  /** Nearly all mass on one token. */
  steep: (u, v, id) => 30 * normal(u, v, id),
  /** Many tokens share the largest logit and every other. */
  ties: (u) => Math.floor(4 * u),
  equal: () => 2.5,
  zeros: (u) => (u < 0.5 ? 0 : -0),
  /** Neighbours in float32. */
  near: (u) => 1 + Math.floor(16 * u) * 2 ** -23,
  /** All of the largest in one block. */
  rising: (_u, _v, id) => id / 1000,
  falling: (_u, _v, id) => -id / 1000,
  holes: (u, v, id) => (u < 0.3 ? Number.NaN : u < 0.6 ? -Infinity : normal(u, v, id)),
  /** One token can follow. */
  lone: (_u, _v, id) => (id === 0 ? -7 : -Infinity),
  huge: (u) => (u - 0.5) * 6e38,
  tiny: (u) => (u - 0.5) * 1e-40,
  /** Logits of +Infinity share all mass. */
  infinite: (u, v, id) => (u < 0.01 || id === 0 ? Infinity : normal(u, v, id)),
} satisfies Record<string, Draw>;

export type RowKind = keyof typeof draws;
export const rowKinds = Object.keys(draws) as RowKind[];

/** @returns [vocabSize], owned by the caller; some logit is above -Infinity. */
export function rowOf(kind: RowKind, vocabSize: number, seed: number): Float32Array {
  const key = noiseKey(BigInt(seed), 'draft');
  const draw: Draw = draws[kind];
  const row = Float32Array.from({ length: vocabSize }, (_, id) =>
    draw(uniform(key, 0, id), uniform(key, 1, id), id),
  );
  if (kind === 'holes') row[vocabSize >> 1] = 1;
  return row;
}

/** Every filter alone and with others. */
export const filterMixes: readonly Partial<Sampling>[] = [
  {},
  { topK: 1 },
  { topK: 40 },
  { topK: 700 },
  { topK: 2 ** 30 },
  { topP: 0.9 },
  { topP: 1e-9 },
  { topP: 1 - 1e-9 },
  { minP: 0.05 },
  { minP: 0.99 },
  { minP: 1e-300 },
  { topK: 40, topP: 0.9 },
  { topK: 40, minP: 0.05 },
  { topK: 700, topP: 0.99, minP: 0.2 },
  { topP: 0.95, minP: 0.01 },
];
