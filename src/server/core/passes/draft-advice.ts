// Computes how long drafts should be under the load of the server. While a pass costs the same
// whatever it holds, or no other session wants the time, long drafts are free. Once the server is
// busy and rows cost, drafts compete with the tokens of other users, and the length falls, down to
// 0. Derivation: MATH.md, "Draft length", with no time of drafting.

import { idealDraftLength } from '../../../math/draft-length.js';
import type { PassCost } from '../../../math/pass-time.js';

export interface ServerLoad {
  readonly cost: PassCost;
  /** Segments judged in a recent pass, >= 1. */
  readonly judgedCount: number;
  /** Cache length of a segment in recent passes. */
  readonly contextLength: number;
  /** Share of recent time in which the engine computed, in [0, 1). */
  readonly busyShare: number;
}

export interface SessionPace {
  /** In [0, 1]. */
  readonly acceptanceRate: number;
  /** From a verdict until the session wants a pass again, >= 0: round trip and drafting. */
  readonly turnaroundMs: number;
}

/** Passes to learn from before any advice: a line through two points predicts nothing. */
export const adviceFrom = 16;
/** Until then drafts of a pass, and of a session in it: enough to learn from, and cheap. */
const untaughtRows = 4;
const untaughtLength = 4;

/** Drafts tested before a session's own acceptance rate outweighs the prior. */
const priorTested = 8;
const priorRate = 0.7;
/** The advice moves beyond this distance: half a token to round, a quarter not to flutter. */
const hysteresis = 0.75;

/**
 * Ideal length as a real number, in [0, lengthMax]; falls as load rises. In stop-and-wait and
 * pipeline a round without drafts costs a round trip to the device for a single token, which counts
 * as far as the server would be idle meanwhile. In race the server never waits, and a row costs the
 * session's own next token time even when it is alone.
 */
export function loadedDraftLength(
  { cost, judgedCount, contextLength, busyShare }: ServerLoad,
  { acceptanceRate, turnaroundMs: awayMs }: SessionPace,
  lengthMax: number,
): number {
  const draftMs = cost.tokenMs + cost.rowMs + cost.tokenContextMs * contextLength;
  const rowMs = draftMs * judgedCount;
  const verifyMs = cost.fixedMs + (cost.severalMs ?? 0) + rowMs;
  if (verifyMs === 0) return lengthMax;
  const inputs = {
    acceptanceRate,
    draftMs: 0,
    verifyMs,
    rowMs,
    roundTripMs: awayMs,
    load: busyShare,
  };
  return Math.min(lengthMax, Math.max(0, idealDraftLength(inputs)));
}

/**
 * Most drafts to test in a pass for a session that has had no advice. Many new sessions with all
 * drafts tested would hold up all others for as long as nothing is known of them.
 *
 * @param experience passes that have been measured, and sessions that want one now.
 */
export function firstAdvice(
  load: ServerLoad,
  experience: { readonly passCount: number; readonly sessionCount: number },
  lengthMax: number,
): number {
  const { passCount, sessionCount } = experience;
  if (passCount < adviceFrom) {
    const shared = Math.max(1, Math.floor(untaughtRows / sessionCount));
    return Math.min(untaughtLength, shared, lengthMax);
  }
  const ideal = loadedDraftLength(load, { acceptanceRate: priorRate, turnaroundMs: 0 }, lengthMax);
  return Math.round(ideal);
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
  if (distance <= hysteresis) return null;
  const advice = Math.round(ideal);
  return advice === current ? null : advice;
}
