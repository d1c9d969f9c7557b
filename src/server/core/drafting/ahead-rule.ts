// Weighs the look-up against passes that the engine computes before they are asked for: those go on
// without the server knowing their results, so that they test no drafts.

import { mean } from '../../../math/statistics.js';
import { expectedCount } from './draft-line.js';

/**
 * Passes computed ahead take no longer, or are a single one; a draft in their place throws them
 * away.
 */
const aheadMsMax = 8;
/** Milliseconds that the engine loses between passes, before they are measured; and bounds. */
const betweenMsFirst = 0.3;
const betweenMsMin = 0.1;
const betweenMsMax = 5;
/** Weight of the newest one. */
const betweenStep = 1 / 16;
/** Tokens between two look-ups meanwhile: chains that are worth a lead go on for longer. */
const lookEvery = 4;

/**
 * Time that the engine waits between a pass and the next: for its result to be known, the next pass
 * to be planned, and for threads to wake up. A pass begun before it is asked for saves that much.
 * It grows with sessions and with the load of the machine, so it is measured. Knows no clock.
 */
export class TimeBetween {
  #ms = betweenMsFirst;
  #endedAtMs: number | null = null;
  #startedAtMs: number | null = null;
  #plannedMs = 0;

  /** Milliseconds. */
  get ms(): number {
    return Math.max(betweenMsMin, this.#ms);
  }

  /** @param isAhead the engine may begin the pass behind it by itself. */
  passStarted(isAhead: boolean, nowMs: number): void {
    this.#plannedMs = this.#endedAtMs === null ? 0 : nowMs - this.#endedAtMs;
    this.#startedAtMs = isAhead ? null : nowMs;
    this.#endedAtMs = null;
  }

  /** The engine is kept waiting for drafts. */
  held(): void {
    this.#endedAtMs = null;
  }

  /** @param passMs what the engine computed. @param isMore whether a session waits for a pass. */
  passEnded(passMs: number, isMore: boolean, nowMs: number): void {
    this.#endedAtMs = isMore ? nowMs : null;
    if (this.#startedAtMs === null) return;
    const ms = Math.max(0, nowMs - this.#startedAtMs - passMs) + this.#plannedMs;
    this.#ms += betweenStep * (Math.min(ms, betweenMsMax) - this.#ms);
  }
}

/**
 * Whether passes computed ahead save more than the look-up does.
 *
 * @param gains [sessions >= 1] mean tokens that the look-up brings each session in a pass.
 * @param stepMs predicted milliseconds of a pass that tests no drafts.
 * @param betweenMs see TimeBetween.
 */
export const isAheadBetter = (
  gains: readonly number[],
  stepMs: number,
  betweenMs: number,
): boolean => mean(gains) * stepMs < betweenMs;

/**
 * Whether drafts save all sessions together more time than the passes ahead have taken.
 *
 * @param chances [sessions >= 1] of each session's drafts, as for `expectedCount`.
 * @param addedMs predicted milliseconds by which they lengthen the pass that tests them.
 */
export const isWorthALead = (
  chances: readonly (readonly number[])[],
  stepMs: number,
  addedMs: number,
): boolean => mean(chances.map(expectedCount)) * stepMs - addedMs > Math.max(aheadMsMax, stepMs);

/** Whether to look up drafts while passes run ahead. @param turn tokens so far, of any start. */
export const isLookDue = (turn: number): boolean => turn % lookEvery === 0;
