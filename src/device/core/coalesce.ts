// Chooses the time to send drafts to a server that never waits: as late as its next pass allows, so
// that messages are few and no pass is missed. Verdicts show when passes end.

/** `margin` ships; for comparison: the last moment without a margin, and each token at once. */
export const sendings = ['margin', 'exact', 'at-once'] as const;
export type Sending = (typeof sendings)[number];

export interface PassClock {
  /** Arrival of the newest verdict. */
  readonly verdictMs: number;
  /** Length of a pass, > 0, and how far it strays. */
  readonly passMs: number;
  readonly passDeviationMs: number;
  readonly roundTripMs: number;
  readonly roundTripDeviationMs: number;
}

/** Mean deviations. Early rather than late: an extra message costs bytes, a missed pass a token. */
const deviations = 2;
/** Of a pass: a tie is lost to the server; a larger margin could mean the pass before. */
const marginShareMin = 0.05;
const marginShareMax = 0.25;

/**
 * The last moment, at or after `nowMs`, at which a message reaches the server before a pass begins.
 * A verdict that arrived at v left half a round trip earlier, when its pass ended, and a message
 * takes as long: the moments are v - roundTrip + k * pass, less a margin for what strays.
 */
export function sendDeadline(
  clock: PassClock,
  nowMs: number,
  sending: Exclude<Sending, 'at-once'> = 'margin',
): number {
  const { verdictMs, passMs, roundTripMs } = clock;
  const marginMs = sending === 'exact' ? 0 : marginOf(clock);
  const base = verdictMs - roundTripMs - marginMs;
  const passes = Math.ceil((nowMs - base) / passMs);
  return base + Math.max(1, passes) * passMs;
}

/** With fewer drafts or round trips in a pass a server often holds for single drafts. */
const steadyDrafts = 7;
const steadyRoundTrips = 2;

/**
 * The last moment to send more drafts to a server that has enough in line to hold no longer.
 *
 * @param enoughSinceMs when the last of these were sent; -Infinity: they were in line when the pass
 *   of the newest verdict ended, so that another began at once.
 * @param draftMs of one token.
 */
export function deadlineWithEnough(
  clock: PassClock,
  enoughSinceMs: number,
  draftMs: number,
  nowMs: number,
): number {
  const { verdictMs, roundTripMs, passMs } = clock;
  const firstEndMs = sendDeadline(clock, verdictMs - roundTripMs);
  if (nowMs < firstEndMs) return firstEndMs;
  const isSteady = passMs >= Math.max(steadyDrafts * draftMs, steadyRoundTrips * roundTripMs);
  if (!isSteady) return nowMs;
  if (enoughSinceMs === -Infinity) return sendDeadline(clock, nowMs);
  // The pass began when the last of them came, if not before.
  const late = { ...clock, verdictMs: enoughSinceMs + roundTripMs };
  return nowMs < sendDeadline(late, enoughSinceMs) ? nowMs : sendDeadline(late, nowMs);
}

function marginOf({ passMs, passDeviationMs, roundTripDeviationMs }: PassClock): number {
  const straysMs = deviations * (passDeviationMs + roundTripDeviationMs);
  return Math.max(passMs * marginShareMin, Math.min(straysMs, passMs * marginShareMax));
}

/** @param draftMs time to the next token, which may miss the deadline; Infinity: none comes. */
export function isTimeToSend(deadlineMs: number, nowMs: number, draftMs: number): boolean {
  if (nowMs >= deadlineMs) return true;
  return draftMs < Infinity && nowMs + draftMs > deadlineMs;
}
