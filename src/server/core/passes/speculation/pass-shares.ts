// Fills the rows of a pass: over all sessions the drafts likeliest to be reached and to stand,
// while each is worth its time. Sources: adaptive verification in vLLM; the prefix scheduler of
// DSpark. Pure.

import type { PassShape } from '../../../../math/pass-time.js';
import { patienceForDrafts } from './patience.js';
import type { PassShare, SpeculationSession } from './speculation.js';
import { stepShape } from './speculation-prices.js';

interface Part {
  readonly session: SpeculationSession;
  taken: number;
  chargeMs: number;
}

/** Drafts less likely are not tested even where rows cost nothing. */
const chanceMin = 1e-3;
/** Chances are compared in so many steps. */
const chanceSteps = 1e6;
/** Rows this cheap, as a share of the pass, are not charged for: measurements are no better. */
const freeShare = 1e-4;
/** Rows that delay the others no longer than this share of the pass need no patience. */
const smallShare = 0.03;

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
  const parts = sessions.map((session): Part => ({ session, taken: 0, chargeMs: 0 }));
  let shape = stepShape(sessions);
  let ms = predict(shape);
  const stepMs = ms;
  const freeMs = ms * freeShare;
  const patience = patienceForDrafts(sessions);
  const spent = new Set<Part>();
  let gain = 0;
  for (const code of likeliestFirst(sessions)) {
    const part = parts[code % parts.length]!;
    const othersMs = patience[code % parts.length]!;
    const chance = 1 - Math.floor(code / parts.length) / chanceSteps;
    if (spent.has(part)) continue;
    const grown = withDraft(shape, part);
    const grownMs = predict(grown);
    const addedMs = grownMs - ms;
    // Beside a single token the first draft may cost more than those behind it.
    if (chance <= rate * addedMs && shape.tokenCount > 1) break;
    const chargeMs = addedMs > freeMs ? addedMs * sessions.length : 0;
    const isTooLong = chargeMs > 0 && grownMs - stepMs > Math.max(othersMs, smallShare * stepMs);
    if (isTooLong || (chargeMs > 0 && part.chargeMs + chargeMs > part.session.budgetMs)) {
      spent.add(part);
      continue;
    }
    part.taken++;
    part.chargeMs += chargeMs;
    gain += chance - rate * addedMs;
    [shape, ms] = [grown, grownMs];
  }
  if (gain <= 0) for (const part of parts) [part.taken, part.chargeMs] = [0, 0];
  return parts.map(({ session, taken, chargeMs }) => {
    const count = Math.min(taken, session.chances.length);
    return { key: session.key, count, suffixCount: taken - count, chargeMs };
  });
}

/**
 * The drafts of all sessions by falling chance to be reached and to stand. Along a draft the
 * chances fall, so each session's come in their order and only the session has to be known.
 *
 * @returns steps below certainty x sessions + index of the session; numbers sort three times as
 *   fast as objects.
 */
function likeliestFirst(sessions: readonly SpeculationSession[]): Float64Array {
  const codes: number[] = [];
  for (const [index, { chances, suffixChances }] of sessions.entries()) {
    let reached = 1;
    const add = (chance: number): void => {
      reached *= chance;
      if (reached < chanceMin) return;
      codes.push(Math.round((1 - reached) * chanceSteps) * sessions.length + index);
    };
    chances.forEach(add);
    suffixChances.forEach(add);
  }
  return Float64Array.from(codes).sort();
}

function withDraft(shape: PassShape, { session, taken }: Part): PassShape {
  return {
    tokenCount: shape.tokenCount + 1,
    rowCount: shape.rowCount + 1,
    tokenContext: shape.tokenContext + session.cacheLength + session.missingCount + taken + 1,
  };
}
