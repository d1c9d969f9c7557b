// Decides when a server counts as away, when it counts as lost, and whether drafts are shown
// meanwhile.

import type { SessionView } from './session-view.js';

/** Verdict time-outs in a row after which the target counts as away. */
const timeoutsToAway = 2;

/** Whether the fallback policy has to act. */
export function isAway({ timeouts, link, settings }: SessionView, nowMs: number): boolean {
  if (timeouts >= timeoutsToAway) return true;
  const { downSinceMs } = link;
  // The same sum as in awayAtMs: rounded otherwise, the timer would be set again without end.
  return downSinceMs !== null && nowMs >= downSinceMs + settings.disconnectGraceMs;
}

/** When the target will count as away; null when that is decided. */
export function awayAtMs(view: SessionView, nowMs: number): number | null {
  const { downSinceMs } = view.link;
  if (downSinceMs === null || isAway(view, nowMs)) return null;
  return downSinceMs + view.settings.disconnectGraceMs;
}

/**
 * When the answer fails because no server came back; null: never, or the link is up. Drafts alone
 * may end it only once the prompt's ids are known.
 */
export function lostAtMs({ link, text, request, settings, startedMs }: SessionView): number | null {
  const { awaySinceMs } = link;
  const canDraft = text !== null && settings.drafter !== null;
  const endsAlone = request.fallback === 'draft-only' && canDraft;
  if (awaySinceMs === null || endsAlone || settings.awayMaxMs === Infinity) return null;
  return Math.max(awaySinceMs, startedMs) + settings.awayMaxMs;
}

/** Whether drafted tokens are shown although they are not verified. */
export function showsDrafts(view: SessionView, nowMs: number): boolean {
  const { fallback } = view.request;
  return (fallback === 'provisional' || fallback === 'draft-only') && isAway(view, nowMs);
}
