// What an early exit's rows say about a verdict that is still being computed: how many drafts will stand, which token
// follows, and how sure that is. Guesses only; nothing here can reach a verdict. Source of the idea: arXiv 2505.21594;
// of the confidences: MATH.md, Early exits.

import { largestFirst } from '../math/largest-first.js';
import { type Law, probOf } from '../math/law.js';
import type { ExitHint, ExitInfo, Judge } from './engine.js';
import type { JudgedRows } from './judge.js';
import type { RowMath } from './row-math.js';
import type { Slot } from './slot.js';
import { topCandidates } from './top-candidates.js';

/** Tokens that a guess names at most, and among which confidence is shared. */
const candidatesMax = 8;

/** What can happen at one row: the surest token first. Where it is the row's draft, that means the draft stands. */
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
 * The likeliest outcome: of all accepted counts with their surest token, the one of the largest chance. Going at each row
 * with what is likeliest there is something else, and worse: four drafts that stand with 0.7 each fall with 0.76.
 *
 * @param rows with the exit's logits in place of the model's.
 * @param slot its log ends right before the first draft; the caller takes back what is pushed here.
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

/** Where the exit gives no token but the draft a chance, nothing is named. */
const noGuess: VerdictGuess = {
  acceptedCount: 0,
  position: 0,
  candidates: new Int32Array(0),
  confidences: new Float64Array(0),
};

const surest = ({ confidences }: Pick<VerdictGuess, 'confidences'>): number => confidences[0] ?? -1;

/** The ranking as candidates for the token behind the accepted drafts; a draft that falls is none of them. */
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
  const { scheme } = judge;
  if (scheme === 'greedy' || scheme === 'coupled' || slot.sampling.temperature === 0) {
    const order = scheme === 'coupled' ? scheme : 'greedy';
    return withDraft(rankReaches(order, slot, math, exit), draft, slot.draftTrust);
  }
  const law = math.law(slot.sampling);
  return draft === undefined
    ? rankLaw(law)
    : rankTest(law, draft, keepChance(judge, row, draft, law));
}

/** Of coupled this is the race that the model will run, with the same noise: only the logits are the exit's. */
function rankReaches(
  scheme: 'greedy' | 'coupled',
  slot: Slot,
  math: RowMath,
  exit: ExitInfo,
): Ranking {
  const { tokens, scores: candidates } = topCandidates(scheme, slot, math, candidatesMax);
  return { tokens, chances: sharedChances(candidates, exit) };
}

/**
 * The draft as a second opinion, by Bayes' rule: right with chance `trust`, and where it is wrong it is one of the other
 * tokens in proportion to the exit's chances (MATH.md, Early exits).
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
 * coverage * softmax(sharpness * reach): who wins if the model's reaches are the exit's plus Gumbel noise of scale
 * 1 / sharpness, in the share of rows where the winner is among the exit's first tokens at all.
 *
 * @param reaches [n], falling. What is not finite gets 0.
 */
function sharedChances(candidates: Float64Array, { sharpness, coverage }: ExitInfo): Float64Array {
  const weights = candidates.map((reach) => Math.exp(sharpness * (reach - candidates[0]!)) || 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  return weights.map((weight) => (coverage * weight) / total);
}

function rankLaw(law: Law): Ranking {
  const order = largestFirst(law.probs, candidatesMax, 0);
  const tokens = law.kind === 'sparse' ? order.map((index) => law.ids[index]!) : order;
  return { tokens, chances: Float64Array.from(order, (index) => law.probs[index]!) };
}

/** Chance that a draft stands under the exit's law. */
function keepChance(judge: Judge, row: number, draft: number, law: Law): number {
  const prob = probOf(law, draft);
  if (judge.scheme === 'split') return Math.min(1, prob / judge.draftProbs[row]!);
  if (judge.scheme === 'full') return Math.min(1, prob / probOf(judge.draftLaws[row]!, draft));
  return prob;
}

/**
 * A draft against what may replace it. Where it falls the others share the rest in proportion to the law: the true
 * residual also takes the draft law off, which under `split` only the device knows.
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
