// How near other tokens came to the one that greedy or the race picks, in units of logits. The target's reaches are the draft's plus what the models disagree on, so gaps foretell its choice (MATH.md).

import type { Alternatives, Scheme } from './engine.js';
import type { RowMath } from './row-math.js';
import type { Slot } from './slot.js';
import { topCandidates } from './top-candidates.js';

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
  const { tokens, scores: candidates } = topCandidates(scheme, slot, math, count + 1);
  const own = tokens.indexOf(token);
  if (own < 0) return null;
  const kept = [...tokens.keys()].filter((rank) => rank !== own).slice(0, count);
  return {
    tokens: Int32Array.from(kept, (rank) => tokens[rank]!),
    // Of logits that are not finite nothing can be told but their order.
    gaps: Float64Array.from(kept, (rank) => Math.max(0, candidates[own]! - candidates[rank]!) || 0),
  };
}
