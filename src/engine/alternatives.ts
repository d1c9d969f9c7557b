// Measures how close other tokens came to the picked one under greedy or in the race, in units of
// logits. The target's scores are the draft's plus the difference of the models, so small gaps
// predict its choice (MATH.md).

import { type Scheme, schemeTraits } from '../math/scheme.js';
import type { Alternatives } from './engine.js';
import type { RowMath } from './row-math.js';
import type { Slot } from './slot.js';
import { topCandidates } from './top-candidates.js';

/**
 * The runners-up of a draft token; null under schemes whose corrections the draft cannot predict.
 *
 * @param token picked at the row that `math` holds.
 * @param count most alternatives; 0: null.
 */
export function alternativesTo(
  token: number,
  scheme: Scheme,
  slot: Slot,
  math: RowMath,
  count: number,
): Alternatives | null {
  const { pick } = schemeTraits[scheme];
  if (count === 0 || pick === 'law') return null;
  const { tokens, scores } = topCandidates(pick, slot, math, count + 1);
  const own = tokens.indexOf(token);
  if (own < 0) return null;
  const kept = [...tokens.keys()].filter((rank) => rank !== own).slice(0, count);
  return {
    tokens: Int32Array.from(kept, (rank) => tokens[rank]!),
    // Infinite logits have an order but no distance.
    gaps: Float64Array.from(kept, (rank) => Math.max(0, scores[own]! - scores[rank]!) || 0),
  };
}
