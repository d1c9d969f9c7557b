// Which tokens come first at a row under greedy or in the race, and how far each reaches: what a draft's runners-up and an
// exit's guesses are made of. Reaches are in units of logits, so that those of different models can be compared.

import { largestFirst } from '../math/largest-first.js';
import { exponential } from '../math/noise.js';
import type { RowMath } from './row-math.js';
import type { Slot } from './slot.js';

/** The first tokens of a row, and how far each reaches: the logit, and in a race temperature * Gumbel noise more. */
export interface TopCandidates {
  readonly tokens: Int32Array;
  /** [tokens], falling. */
  readonly scores: Float64Array;
}

/**
 * The tokens that come first at the row that `math` holds.
 *
 * @param slot its log ends right before the row's token. @param count >= 1, of tokens at most.
 */
export function topCandidates(
  scheme: 'greedy' | 'coupled',
  slot: Slot,
  math: RowMath,
  count: number,
): TopCandidates {
  const isRace = scheme === 'coupled' && slot.sampling.temperature > 0;
  return isRace ? raceReaches(slot, math, count) : greedyReaches(slot, math, count);
}

function greedyReaches({ sampling }: Slot, math: RowMath, count: number): TopCandidates {
  const law = math.law({ ...sampling, temperature: 1, topK: count, topP: 1, minP: 0 });
  const order = largestFirst(law.probs, count, 0);
  const tokens = law.kind === 'sparse' ? order.map((index) => law.ids[index]!) : order;
  return { tokens, scores: Float64Array.from(tokens, (id) => math.logit(id)) };
}

function raceReaches(
  { sampling, keys, length }: Slot,
  math: RowMath,
  count: number,
): TopCandidates {
  const tokens = math.coupledRanking(sampling, keys.race, length, count);
  const { temperature } = sampling;
  const candidates = Float64Array.from(
    tokens,
    (id) => math.logit(id) - temperature * Math.log(exponential(keys.race, length, id)),
  );
  return { tokens, scores: candidates };
}
