// Ranks the first tokens of a row under greedy or in the race, with their scores. A draft's
// runners-up and an exit's guesses come from it. Scores are in units of logits, so different models
// can be compared.

import { largestFirst } from '../math/largest-first.js';
import { exponential } from '../math/noise.js';
import type { RowMath } from './row-math.js';
import type { Slot } from './slot.js';

/**
 * The first tokens of a row and their scores: the logit, in a race plus temperature * Gumbel noise.
 * MATH.md calls a score the reach of a token.
 */
export interface TopCandidates {
  readonly tokens: Int32Array;
  /** [tokens], falling. */
  readonly scores: Float64Array;
}

/**
 * The first tokens of the row that `math` holds.
 *
 * @param slot its log ends right before the row's token.
 * @param count most tokens, >= 1.
 */
export function topCandidates(
  pick: 'argmax' | 'race',
  slot: Slot,
  math: RowMath,
  count: number,
): TopCandidates {
  const isRace = pick === 'race' && slot.sampling.temperature > 0;
  return isRace ? raceScores(slot, math, count) : greedyScores(slot, math, count);
}

function greedyScores({ sampling }: Slot, math: RowMath, count: number): TopCandidates {
  const law = math.law({ ...sampling, temperature: 1, topK: count, topP: 1, minP: 0 });
  const order = largestFirst(law.probs, count, 0);
  const tokens = law.kind === 'sparse' ? order.map((index) => law.ids[index]!) : order;
  return { tokens, scores: Float64Array.from(tokens, (id) => math.logit(id)) };
}

function raceScores(
  { sampling, keys, position }: Slot,
  math: RowMath,
  count: number,
): TopCandidates {
  const tokens = math.coupledRanking(sampling, keys.race, position, count);
  const { temperature } = sampling;
  const scores = Float64Array.from(
    tokens,
    (id) => math.logit(id) - temperature * Math.log(exponential(keys.race, position, id)),
  );
  return { tokens, scores };
}
