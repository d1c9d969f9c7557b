// Computes how likely each scheme accepts a draft, from the two laws of one position: the limit for
// a pair of models, without running a round.

import { type Law, probLookup, tokenAt } from './law.js';

/**
 * Probability that `split` and `full` accept a draft: sum of min(draft, target) = 1 - total
 * variation. No scheme accepts more. Leviathan et al. 2023, arXiv 2211.17192, corollary 3.6.
 *
 * @returns in [0, 1].
 */
export function ratioAcceptance(targetLaw: Law, draftLaw: Law): number {
  return overlap(targetLaw, draftLaw, Math.min);
}

/**
 * Probability that `agreement` accepts a draft drawn from the draft law: sum of draft * target.
 *
 * @returns in [0, 1].
 */
export function agreementAcceptance(targetLaw: Law, draftLaw: Law): number {
  return overlap(targetLaw, draftLaw, (target, draft) => target * draft);
}

function overlap(
  targetLaw: Law,
  draftLaw: Law,
  common: (target: number, draft: number) => number,
): number {
  const draftProbAt = probLookup(draftLaw);
  return targetLaw.probs.reduce(
    (sum, prob, index) => sum + common(prob, draftProbAt(tokenAt(targetLaw, index))),
    0,
  );
}

/**
 * Probability that `coupled` accepts a draft: sum over tokens i of 1 / sum over j of max(draft_j /
 * draft_i, target_j / target_i), at least (1 - TV) / (1 + TV). Daliri, Musco, Suresh 2024, arXiv
 * 2408.07978, theorem 3. O(n log n) for n tokens.
 *
 * @returns in [0, 1].
 */
export function coupledAcceptance(targetLaw: Law, draftLaw: Law): number {
  const tokens = byRatio(targetLaw, draftLaw);
  // The maximum is target_j / target_i exactly where target_j / draft_j is above the ratio of i.
  // With tokens sorted by that ratio the inner sum is a prefix sum of draft and a suffix sum of
  // target.
  const targetFrom = new Float64Array(tokens.length + 1);
  for (let i = tokens.length - 1; i >= 0; i--)
    targetFrom[i] = targetFrom[i + 1]! + tokens[i]!.target;
  let acceptance = 0;
  let draftBefore = 0;
  tokens.forEach(({ target, draft }, i) => {
    if (target > 0 && draft > 0) acceptance += 1 / (draftBefore / draft + targetFrom[i]! / target);
    draftBefore += draft;
  });
  return acceptance;
}

interface Pair {
  readonly target: number;
  readonly draft: number;
  /** target / draft, in [0, Infinity]. */
  readonly ratio: number;
}

/** Both probabilities of every token that either law lists, by rising ratio. */
function byRatio(targetLaw: Law, draftLaw: Law): Pair[] {
  const targetProbAt = probLookup(targetLaw);
  const draftProbAt = probLookup(draftLaw);
  const ids = new Set<number>();
  for (const law of [targetLaw, draftLaw]) {
    law.probs.forEach((prob, index) => {
      if (prob > 0) ids.add(tokenAt(law, index));
    });
  }
  const pairs = Array.from(ids, (id) => {
    const target = targetProbAt(id);
    const draft = draftProbAt(id);
    return { target, draft, ratio: target / draft };
  });
  // Subtracting two infinite ratios would give NaN.
  return pairs.sort((a, b) => (a.ratio < b.ratio ? -1 : a.ratio > b.ratio ? 1 : 0));
}
