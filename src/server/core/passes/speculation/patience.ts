// Bounds by how long the drafts of some sessions may delay another. Pure.

import type { SpeculationSession } from './speculation.js';

/**
 * The least patience of a group.
 *
 * @param sessions those that gain nothing by the delay.
 * @returns milliseconds, >= 0; Infinity: they all wait as long as it takes, or there are none.
 */
export function patienceOf(sessions: readonly SpeculationSession[]): number {
  let least = Infinity;
  for (const { patienceMs = Infinity } of sessions) least = Math.min(least, patienceMs);
  return Math.max(0, least);
}

/**
 * [session] by how long its drafts may delay the others, in milliseconds. The session with the
 * least patience may draft freely, or it would never catch up.
 */
export function patienceForDrafts(sessions: readonly SpeculationSession[]): number[] {
  const all = sessions.map(({ patienceMs = Infinity }) => patienceMs);
  const least = Math.min(...all);
  return all.map((own) => (own <= least ? Infinity : Math.max(0, least)));
}
