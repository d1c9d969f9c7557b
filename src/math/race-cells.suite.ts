// Computes the joint law of two coupled races in closed form: the probability of each pair of
// winners when draft and target share the exponential noise, and a noise that leads to it. Proof
// tool for `coupled`: O(n^3 log n) for n tokens. Derivation: MATH.md, "coupled".

import { type Law, probLookup, tokenAt } from './law.js';

/** A cone of noise in which the winners and the binding constraints stay the same. */
export interface RaceCell {
  readonly draftToken: number;
  readonly targetToken: number;
  /** Probability that the noise lies in the cone, > 0. All cells of two laws sum to 1. */
  readonly weight: number;
  /** Variates at one inner point of the cone. */
  readonly variate: (token: number) => number;
}

/**
 * All cells of positive weight.
 *
 * @param targetLaw, draftLaw without probabilities between 0 and 1e-100: quotients would overflow.
 */
export function raceCells(targetLaw: Law, draftLaw: Law): RaceCell[] {
  const target = probLookup(targetLaw);
  const draft = probLookup(draftLaw);
  const tokens = [...new Set([...tokensOf(targetLaw), ...tokensOf(draftLaw)])];
  return tokens.flatMap((a) =>
    tokens.flatMap((b) => {
      if (draft(a) === 0 || target(b) === 0) return [];
      return a === b ? [sameWinner(a, tokens, target, draft)] : cones(a, b, tokens, target, draft);
    }),
  );
}

type ProbAt = (token: number) => number;

function tokensOf(law: Law): number[] {
  return Array.from(law.probs, (_, index) => tokenAt(law, index)).filter(
    (_, index) => law.probs[index]! > 0,
  );
}

/**
 * `a` wins both races: with E_a = x every other variate must exceed x max(draft_j / draft_a,
 * target_j / target_a), so the weight is the integral of exp(-x sum of these), which is 1 / sum.
 */
function sameWinner(a: number, tokens: readonly number[], target: ProbAt, draft: ProbAt): RaceCell {
  const bound = (token: number): number =>
    Math.max(draft(token) / draft(a), target(token) / target(a));
  const weight = 1 / tokens.reduce((sum, token) => sum + bound(token), 0);
  const variate = (token: number): number => (token === a ? 1 : 1 + 2 * bound(token));
  return { draftToken: a, targetToken: a, weight, variate };
}

/**
 * `a` wins the draft's race and `b` the target's. With E_a = x and E_b = r x the ratio r lies
 * between draft_b / draft_a and target_b / target_a, and every other variate must exceed x
 * max(draft_i / draft_a, r target_i / target_b). That maximum changes sides where both are equal;
 * between such rays the weight is the integral of x exp(-x (A + B r)) over x and r: (r2 - r1) / ((A
 * + B r1) (A + B r2)).
 */
function cones(
  a: number,
  b: number,
  tokens: readonly number[],
  target: ProbAt,
  draft: ProbAt,
): RaceCell[] {
  const low = draft(b) / draft(a);
  const high = target(b) / target(a);
  const others = tokens
    .filter((token) => token !== a && token !== b)
    .map((token) => ({
      token,
      byDraft: draft(token) / draft(a),
      byTarget: target(token) / target(b),
    }));
  const rays = others
    .map(({ byDraft, byTarget }) => byDraft / byTarget)
    .filter((ray) => ray > low && ray < high);
  const edges = [low, ...rays.sort((x, y) => x - y), high];
  return edges.slice(1).flatMap((to, index) => {
    const from = edges[index]!;
    if (!(from < to)) return [];
    const inner = to === Infinity ? from + 1 : (from + to) / 2;
    const bound = ({ byDraft, byTarget }: (typeof others)[number]): number =>
      Math.max(byDraft, inner * byTarget);
    const bounds = new Map(others.map((other) => [other.token, 1 + 2 * bound(other)]));
    bounds.set(a, 1).set(b, inner);
    const weight = coneWeight(from, to, inner, others);
    return [{ draftToken: a, targetToken: b, weight, variate: (token) => bounds.get(token) ?? 1 }];
  });
}

function coneWeight(
  from: number,
  to: number,
  inner: number,
  others: readonly { readonly byDraft: number; readonly byTarget: number }[],
): number {
  let constant = 1;
  let slope = 1;
  for (const { byDraft, byTarget } of others) {
    if (byDraft > inner * byTarget) constant += byDraft;
    else slope += byTarget;
  }
  const atFrom = constant + slope * from;
  return to === Infinity ? 1 / (slope * atFrom) : (to - from) / (atFrom * (constant + slope * to));
}
