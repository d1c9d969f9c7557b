// Cuts a target law short for the downlink of `split`, and draws the residual token from the cut.
// Stays exact: the draw detects when the tail may matter and then needs the whole law. DSSD (arXiv
// 2507.12000) sends the whole law; PicoSpec (arXiv 2603.19133) cuts it and loses exactness. Proof:
// MATH.md, "split".

import { assert } from '../base/assert.js';
import type { Chance } from './chance.js';
import { drawToken } from './draw-token.js';
import { checkRanked, fromDense, type Law, lawSumTolerance, type SparseLaw } from './law.js';
import { positiveExcess } from './residual.js';
import { sumOf } from './sum.js';

/**
 * The likeliest tokens of a law with their own probabilities (not scaled up), and the mass of the
 * rest.
 */
export interface CutLaw {
  /** [n >= 1], ordered like a sparse law. */
  readonly ids: Int32Array;
  /** [n], each > 0; sum + tailMass is 1 within 1e-9. */
  readonly probs: Float64Array;
  /** Probability of all tokens not listed, in [0, 1). */
  readonly tailMass: number;
}

/** Keep this many tokens (>= 1), or the fewest that leave at most this mass ([0, 1)) unlisted. */
export type CutLimit = { readonly keepMax: number } | { readonly tailMassMax: number };

/** @returns arrays shared with a sparse law, copied from a dense one. */
export function cutLaw(law: Law, limit: CutLimit): CutLaw {
  const { ids, probs } = rankedOf(law);
  const count =
    'keepMax' in limit
      ? Math.min(limit.keepMax, ids.length)
      : countLeaving(probs, limit.tailMassMax);
  assert(count >= 1, `a cut keeps ${count} tokens, fewer than 1`);
  return {
    ids: ids.subarray(0, count),
    probs: probs.subarray(0, count),
    tailMass: sumOf(probs.subarray(count)),
  };
}

function countLeaving(probs: Float64Array, tailMassMax: number): number {
  let count = probs.length;
  let tail = 0;
  while (count > 1 && tail + probs[count - 1]! <= tailMassMax) tail += probs[--count]!;
  return count;
}

/** Describes in one clause the fault of a cut law that a peer sent; null: none. Never throws. */
export function checkCutLaw(cut: CutLaw, vocabSize: number): string | null {
  const { ids, probs, tailMass } = cut;
  if (ids.length === 0) return 'no token is listed';
  if (!(tailMass >= 0 && tailMass < 1)) return `tail mass ${tailMass} is outside [0, 1)`;
  const fault = checkRanked(cut, vocabSize);
  if (fault) return fault;
  const bad = probs.findIndex((prob) => !(prob > 0 && prob <= 1));
  if (bad >= 0) return `probability ${probs[bad]} at index ${bad} is outside (0, 1]`;
  const sum = sumOf(probs) + tailMass;
  const tolerance = lawSumTolerance.dense;
  return Math.abs(sum - 1) <= tolerance ? null : `sum ${sum} is not 1 within ${tolerance}`;
}

/**
 * Describes in one clause the fault of the whole law that a peer sent after its cut; null: none.
 */
export function checkWhole(cut: CutLaw, targetLaw: Law): string | null {
  const { ids, probs } = rankedOf(targetLaw);
  const differing = cut.ids.findIndex(
    (id, index) => id !== ids[index] || cut.probs[index] !== probs[index],
  );
  if (differing >= 0) return `the law differs from its cut at index ${differing}`;
  const tailMass = sumOf(probs.subarray(cut.ids.length));
  const tolerance = lawSumTolerance.dense;
  return Math.abs(tailMass - cut.tailMass) <= tolerance
    ? null
    : `tail mass ${tailMass} is not ${cut.tailMass} within ${tolerance}`;
}

export type CutDraw =
  | { readonly kind: 'token'; readonly token: number }
  /**
   * The answer may lie in the tail: fetch the whole law and call residualFromWhole with the same
   * chance.
   */
  | { readonly kind: 'tail-needed' };

/**
 * The residual token, if the cut determines it. Let L be the residual mass of the listed tokens and
 * t the tail mass. The residual mass of the tail is at most t. So with probability L / (L + t) the
 * token is a listed one, for any tail.
 *
 * @param draftLaw the law the rejected token was drawn from.
 * @param chance at that position. Keep it, or one that was asked the same, for
 *   residualFromWhole.
 */
export function residualFromCut(cut: CutLaw, draftLaw: Law, chance: Chance): CutDraw {
  const listed = listedExcess(cut, draftLaw);
  const mass = sumOf(listed);
  const massMax = mass + cut.tailMass;
  // Only rounding leads here (residual.ts); then the target law is used.
  if (massMax === 0) return tokenOf(cut, cut.probs, chance);
  if (!chance.happens(mass / massMax)) return { kind: 'tail-needed' };
  return tokenOf(cut, listed, chance);
}

/**
 * Draws the residual token when residualFromCut could not. Let T be the residual mass of the tail,
 * now known. Given that the first question was answered with no, the token is a listed one with
 * probability (L / (L + T)) * (t - T) / t. Both steps together draw from the residual law exactly.
 *
 * @param targetLaw the whole law that `cut` was cut from; from a peer, pass it through checkWhole
 *   first.
 * @param chance the one residualFromCut was called with.
 */
export function residualFromWhole(
  cut: CutLaw,
  targetLaw: Law,
  draftLaw: Law,
  chance: Chance,
): number {
  const listed = listedExcess(cut, draftLaw);
  const tail = tailExcess(cut, targetLaw, draftLaw);
  const listedMass = sumOf(listed);
  const tailMass = sumOf(tail.weights);
  if (listedMass + tailMass === 0) return drawToken(targetLaw, chance);
  const slack = Math.max(0, cut.tailMass - tailMass) / cut.tailMass;
  const isListed = chance.happens((listedMass / (listedMass + tailMass)) * slack);
  return isListed
    ? cut.ids[chance.draw(listed, listedMass)]!
    : tail.ids[chance.draw(tail.weights, tailMass)]!;
}

function tokenOf(cut: CutLaw, weights: Float64Array, chance: Chance): CutDraw {
  return { kind: 'token', token: cut.ids[chance.draw(weights, sumOf(weights))]! };
}

function listedExcess({ ids, probs }: CutLaw, draftLaw: Law): Float64Array {
  return positiveExcess({ kind: 'sparse', ids, probs }, draftLaw);
}

/** Unlisted tokens of the whole law with their residual weights. */
function tailExcess(
  cut: CutLaw,
  targetLaw: Law,
  draftLaw: Law,
): { readonly ids: Int32Array; readonly weights: Float64Array } {
  const { ids, probs } = rankedOf(targetLaw);
  const tail = { ids: ids.subarray(cut.ids.length), probs: probs.subarray(cut.ids.length) };
  const weights = positiveExcess({ kind: 'sparse', ...tail }, draftLaw);
  return { ids: tail.ids, weights };
}

function rankedOf(law: Law): SparseLaw {
  return law.kind === 'sparse' ? law : fromDense(law);
}
