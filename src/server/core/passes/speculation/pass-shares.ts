// Fills the rows of a pass: over all sessions the drafts likeliest to be reached and to stand,
// while each is worth its time. Sources: adaptive verification in vLLM; the prefix scheduler of
// DSpark. Pure.

import type { PassShape } from '../../../../math/pass-time.js';
import type { PassShare, SpeculationSession } from './speculation.js';
import { stepShape } from './speculation-prices.js';

/** The next draft of a session that may get a row. */
interface Next {
  readonly session: SpeculationSession;
  taken: number;
  chance: number;
  chargeMs: number;
}

/** Rows this cheap, as a share of the pass, are not charged for: measurements are no better. */
const freeShare = 1e-4;

/**
 * How many drafts of each session are tested.
 *
 * @param rate tokens per millisecond of the whole server.
 */
export function sharePass(
  sessions: readonly SpeculationSession[],
  rate: number,
  predict: (shape: PassShape) => number,
): PassShare[] {
  const parts = sessions.map((session): Next => ({ session, taken: 0, chance: 1, chargeMs: 0 }));
  const heap: { part: Next; chance: number }[] = [];
  let shape = stepShape(sessions);
  let ms = predict(shape);
  const freeMs = ms * freeShare;
  for (const part of parts) offer(heap, part);
  for (let best = pop(heap); best; best = pop(heap)) {
    const { part, chance } = best;
    const grown = withDraft(shape, part);
    const grownMs = predict(grown);
    const addedMs = grownMs - ms;
    if (chance <= rate * addedMs) break;
    const chargeMs = addedMs > freeMs ? addedMs * sessions.length : 0;
    if (part.chargeMs + chargeMs > Math.max(0, part.session.budgetMs)) continue;
    part.taken++;
    part.chance = chance;
    part.chargeMs += chargeMs;
    [shape, ms] = [grown, grownMs];
    offer(heap, part);
  }
  return parts.map(({ session, taken, chargeMs }) => {
    const count = Math.min(taken, session.chances.length);
    return { key: session.key, count, suffixCount: taken - count, chargeMs };
  });
}

function withDraft(shape: PassShape, { session, taken }: Next): PassShape {
  return {
    tokenCount: shape.tokenCount + 1,
    rowCount: shape.rowCount + 1,
    tokenContext: shape.tokenContext + session.cacheLength + session.missingCount + taken + 1,
  };
}

/** Puts a session's next draft into a binary heap, the likeliest first. */
function offer(heap: { part: Next; chance: number }[], part: Next): void {
  const { chances, suffixChances } = part.session;
  const own = chances[part.taken] ?? suffixChances[part.taken - chances.length];
  if (own === undefined) return;
  const entry = { part, chance: part.chance * own };
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (heap[parent]!.chance >= entry.chance) break;
    heap[index] = heap[parent]!;
    index = parent;
  }
  heap[index] = entry;
}

function pop(heap: { part: Next; chance: number }[]): { part: Next; chance: number } | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.chance > heap[child]!.chance) child++;
    if (heap[child]!.chance <= last.chance) break;
    heap[index] = heap[child]!;
    index = child;
  }
  heap[index] = last;
  return top;
}
