// Guesses a verdict from an early exit's rows while the pass still runs: the number of accepted
// drafts, the next token, and the confidence. Guesses never reach a verdict. Source of the idea:
// arXiv 2505.21594; of the confidences: MATH.md, Early exits.

import { unreachable } from '../base/assert.js';
import { largestFirst } from '../math/largest-first.js';
import { type Law, probOf } from '../math/law.js';
import { schemeTraits } from '../math/scheme.js';
import type { ExitHint, ExitInfo, Judge } from './engine.js';
import type { JudgedRows } from './judge.js';
import type { RowMath } from './row-math.js';
import type { Slot } from './slot.js';
import { topCandidates } from './top-candidates.js';

/** Most tokens of a guess; they share the confidence. */
const candidatesMax = 8;

/**
 * Possible outcomes of one row, most likely token first. The row's draft stands for its acceptance.
 */
interface Ranking {
  readonly tokens: Int32Array;
  /** [tokens], chances in [0, 1], falling. */
  readonly chances: Float64Array;
}

export interface GuessParts {
  readonly math: RowMath;
  readonly exit: ExitInfo;
  /** Whether one more mask may be made. */
  readonly mayMask: () => boolean;
}

export type VerdictGuess = Omit<ExitHint, 'slot'>;

/**
 * The likeliest outcome: the pair of accepted count and next token with the largest probability.
 * Following the likeliest step at each row is worse: of four drafts accepted with 0.7 each, at
 * least one is rejected with probability 0.76.
 *
 * @param rows with the exit's logits in place of the model's.
 * @param slot its log ends right before the first draft; the caller pops the tokens pushed here.
 * @throws PilotfishError `engine-failed` when a row has no logit above -Infinity.
 */
export function guessVerdict(
  rows: JudgedRows,
  judge: Judge,
  slot: Slot,
  { math, exit, mayMask }: GuessParts,
): VerdictGuess {
  const { drafts, from } = rows;
  let best = noGuess;
  let pathChance = 1;
  for (let row = 0; ; row++) {
    math.load(rows.row(row), slot.sampling, slot.history, slot.mask);
    const draft = drafts[row];
    const ranking = rankRow(judge, row, drafts, slot, math, exit);
    const candidates = without(ranking, draft, pathChance);
    if (surest(candidates) > surest(best)) {
      best = { acceptedCount: row, position: from + row, ...candidates };
    }
    if (draft === undefined || !mayMask()) return best;
    pathChance *= ranking.chances[ranking.tokens.indexOf(draft)] ?? 0;
    if (pathChance <= surest(best)) return best;
    slot.push(drafts.subarray(row, row + 1));
  }
}

/** If the exit allows no token except the draft, there is no guess. */
const noGuess: VerdictGuess = {
  acceptedCount: 0,
  position: 0,
  candidates: new Int32Array(0),
  confidences: new Float64Array(0),
};

const surest = ({ confidences }: Pick<VerdictGuess, 'confidences'>): number => confidences[0] ?? -1;

/**
 * The ranking as candidates for the token after the accepted drafts, without the rejected draft.
 */
function without({ tokens, chances }: Ranking, draft: number | undefined, pathChance: number) {
  const kept = [...tokens.keys()].filter((rank) => tokens[rank] !== draft);
  return {
    candidates: Int32Array.from(kept, (rank) => tokens[rank]!),
    confidences: Float64Array.from(kept, (rank) => pathChance * chances[rank]!),
  };
}

function rankRow(
  judge: Judge,
  row: number,
  drafts: Int32Array,
  slot: Slot,
  math: RowMath,
  exit: ExitInfo,
): Ranking {
  const draft = drafts[row];
  const pick = slot.sampling.temperature === 0 ? 'argmax' : schemeTraits[judge.scheme].pick;
  if (pick !== 'law') {
    return withDraft(rankScores(pick, slot, math, exit), draft, slot.draftTrust);
  }
  const law = math.law(slot.sampling);
  return draft === undefined
    ? rankLaw(law)
    : rankTest(law, draft, keepChance(judge, row, draft, law));
}

/**
 * For `race` this is the race that the model will run, with the same noise but the exit's logits.
 */
function rankScores(pick: 'argmax' | 'race', slot: Slot, math: RowMath, exit: ExitInfo): Ranking {
  const { tokens, scores } = topCandidates(pick, slot, math, candidatesMax);
  return { tokens, chances: sharedChances(scores, exit) };
}

/**
 * Combines the draft with the exit by Bayes' rule: the draft is right with probability `trust`,
 * else it is another token in proportion to the exit's probabilities (MATH.md, Early exits).
 */
function withDraft(
  { tokens, chances }: Ranking,
  draft: number | undefined,
  trust: number,
): Ranking {
  if (draft === undefined) return { tokens, chances };
  const against = (chance: number): number => ((1 - trust) * chance) / Math.max(1 - chance, 1e-9);
  const named = chances.reduce((sum, chance) => sum + chance, 0);
  const outcomes = [{ token: draft, weight: trust }];
  for (const [rank, token] of tokens.entries()) {
    if (token !== draft) outcomes.push({ token, weight: against(chances[rank]!) });
  }
  const total = outcomes.reduce((sum, { weight }) => sum + weight, against(Math.max(0, 1 - named)));
  outcomes.sort((a, b) => b.weight - a.weight);
  return {
    tokens: Int32Array.from(outcomes, ({ token }) => token),
    chances: Float64Array.from(outcomes, ({ weight }) => weight / total),
  };
}

/**
 * coverage * softmax(sharpness * score): the probability of each winner if the model's scores are
 * the exit's plus Gumbel noise of scale 1 / sharpness. `coverage` is the share of rows whose winner
 * is among the exit's first tokens.
 *
 * @param scores [n], falling. Infinite ones get 0.
 */
function sharedChances(scores: Float64Array, { sharpness, coverage }: ExitInfo): Float64Array {
  const weights = scores.map((score) => Math.exp(sharpness * (score - scores[0]!)) || 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  return weights.map((weight) => (coverage * weight) / total);
}

function rankLaw(law: Law): Ranking {
  const order = largestFirst(law.probs, candidatesMax, 0);
  const tokens = law.kind === 'sparse' ? order.map((index) => law.ids[index]!) : order;
  return { tokens, chances: Float64Array.from(order, (index) => law.probs[index]!) };
}

/** Probability that a draft is accepted under the exit's law. */
function keepChance(judge: Judge, row: number, draft: number, law: Law): number {
  const prob = probOf(law, draft);
  switch (judge.scheme) {
    case 'greedy':
    case 'coupled':
    case 'agreement':
      return prob;
    case 'split':
      return Math.min(1, prob / judge.draftProbs[row]!);
    case 'full':
      return Math.min(1, prob / probOf(judge.draftLaws[row]!, draft));
    default:
      return unreachable(judge);
  }
}

/**
 * A draft and its possible replacements. After a rejection the others share the rest in proportion
 * to the law. The true residual also subtracts the draft law, which under `split` only the device
 * knows.
 */
function rankTest(law: Law, draft: number, kept: number): Ranking {
  const { tokens, chances } = rankLaw(law);
  const scale = (1 - kept) / Math.max(1 - probOf(law, draft), Number.MIN_VALUE);
  const others = Array.from(tokens, (token, rank) => ({
    token,
    chance: Math.min(1, chances[rank]! * scale),
  }));
  const outcomes = [
    { token: draft, chance: kept },
    ...others.filter(({ token }) => token !== draft),
  ];
  outcomes.sort((a, b) => b.chance - a.chance);
  return {
    tokens: Int32Array.from(outcomes, ({ token }) => token),
    chances: Float64Array.from(outcomes, ({ chance }) => chance),
  };
}
