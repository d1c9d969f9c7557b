// How near other tokens came to the one that greedy or the race picks: reaches, whose differences are in units of
// logits. The target's reaches are the draft's plus what the models disagree on, so gaps foretell its choice (MATH.md).

import { largestFirst } from '../math/largest-first.js';
import { exponential } from '../math/noise.js';
import type { Alternatives, Scheme } from './engine.js';
import type { RowMath } from './row-math.js';
import type { Slot } from './slot.js';

/**
 * What else a draft's token could have been; null under schemes whose corrections the draft cannot foretell.
 *
 * @param token picked at the row that `math` holds. @param count of alternatives at most; 0: null.
 */
export function alternativesTo(
  token: number,
  scheme: Scheme,
  slot: Slot,
  math: RowMath,
  count: number,
): Alternatives | null {
  if (count === 0 || (scheme !== 'greedy' && scheme !== 'coupled')) return null;
  const { tokens, reaches } = firstReaches(scheme, slot, math, count + 1);
  const own = tokens.indexOf(token);
  if (own < 0) return null;
  const kept = [...tokens.keys()].filter((rank) => rank !== own).slice(0, count);
  return {
    tokens: Int32Array.from(kept, (rank) => tokens[rank]!),
    // Of logits that are not finite nothing can be told but their order.
    gaps: Float64Array.from(kept, (rank) => Math.max(0, reaches[own]! - reaches[rank]!) || 0),
  };
}

/** The first tokens of a row, and how far each reaches: the logit, and in a race temperature * Gumbel noise more. */
interface Reaches {
  readonly tokens: Int32Array;
  /** [tokens], falling. */
  readonly reaches: Float64Array;
}

/**
 * The tokens that come first at the row that `math` holds.
 *
 * @param slot its log ends right before the row's token. @param count >= 1, of tokens at most.
 */
function firstReaches(
  scheme: 'greedy' | 'coupled',
  slot: Slot,
  math: RowMath,
  count: number,
): Reaches {
  const isRace = scheme === 'coupled' && slot.sampling.temperature > 0;
  return isRace ? raceReaches(slot, math, count) : greedyReaches(slot, math, count);
}

function greedyReaches({ sampling }: Slot, math: RowMath, count: number): Reaches {
  const law = math.law({ ...sampling, temperature: 1, topK: count, topP: 1, minP: 0 });
  const order = largestFirst(law.probs, count, 0);
  const tokens = law.kind === 'sparse' ? order.map((index) => law.ids[index]!) : order;
  return { tokens, reaches: Float64Array.from(tokens, (id) => math.logit(id)) };
}

function raceReaches({ sampling, keys, length }: Slot, math: RowMath, count: number): Reaches {
  const tokens = math.coupledRanking(sampling, keys.race, length, count);
  const { temperature } = sampling;
  const reaches = Float64Array.from(
    tokens,
    (id) => math.logit(id) - temperature * Math.log(exponential(keys.race, length, id)),
  );
  return { tokens, reaches };
}
