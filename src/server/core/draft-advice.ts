// How long drafts should be on a server as busy as it is: the length that yields most tokens per millisecond of the
// target. While a pass costs the same whatever it holds, long drafts are free; once rows cost, drafts compete with the
// tokens of other users, and the length falls, down to 0. Derivation: MATH.md, "Draft length", with no link and no draft.

import { idealDraftLength } from '../../math/draft-length.js';
import type { PassCost } from '../../math/pass-time.js';

export interface ServerLoad {
  readonly cost: PassCost;
  /** Segments judged in a pass, of late; >= 1. */
  readonly judgedCount: number;
  /** Cache length of a segment, of late. */
  readonly contextLength: number;
}

/** Drafts tested before a session's own acceptance rate outweighs what is expected of a stranger. */
const priorTested = 8;
const priorRate = 0.7;
/** The advice moves when the ideal is further from it than this: half a token to round, and a quarter not to flutter. */
const flutter = 0.75;

/** Ideal length as a real number, in [0, lengthMax]; falls as load rises. */
export function loadedDraftLength(
  { cost, judgedCount, contextLength }: ServerLoad,
  acceptanceRate: number,
  lengthMax: number,
): number {
  const draftMs = cost.tokenMs + cost.rowMs + cost.tokenContextMs * contextLength;
  const rowMs = draftMs * judgedCount;
  const verifyMs = cost.fixedMs + rowMs;
  if (verifyMs === 0) return lengthMax;
  const inputs = { acceptanceRate, draftMs: 0, verifyMs, rowMs, roundTripMs: 0, load: 0 };
  return Math.min(lengthMax, Math.max(0, idealDraftLength(inputs)));
}

/** A session's acceptance rate as far as it is known, in (0, 1). */
export function expectedAcceptance(acceptedCount: number, testedCount: number): number {
  return (acceptedCount + priorTested * priorRate) / (testedCount + priorTested);
}

/**
 * The next advice.
 *
 * @param before last advice; null where none was given, which stands for `lengthMax`.
 * @returns null: as before.
 */
export function nextAdvice(before: number | null, ideal: number, lengthMax: number): number | null {
  const current = before ?? lengthMax;
  const distance = Math.abs(ideal - current);
  if (distance <= flutter) return null;
  const advice = Math.round(ideal);
  return advice === current ? null : advice;
}
