// Remembers how the drafts of a session have done, and how long its device takes between a verdict
// and its next drafts. The advice on draft length follows from it.

import type { DraftCounts } from './draft-buffer.js';
import { DraftTrust, type Trust } from './tenants/draft-trust.js';

/** A device that was away for longer was not waiting for this server. */
const turnaroundMsMax = 1000;
/** Weight of the newest round in the mean. */
const turnaroundStep = 0.25;

export class DraftHistory {
  readonly #trust: DraftTrust;
  #acceptedCount = 0;
  #testedCount = 0;
  #advice: number | null = null;
  #turnaroundMs = 0;
  #lastVerdictAtMs: number | null = null;

  /** @param rate expected share of accepted drafts before any is tested, in [0, 1]. */
  constructor(rate: number) {
    this.#trust = new DraftTrust(rate);
  }

  /** How far drafts deserve rows. */
  get trust(): Trust {
    return this.#trust.level;
  }

  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  get testedCount(): number {
    return this.#testedCount;
  }

  /** Draft length of the last advice; null: none was given. */
  get advice(): number | null {
    return this.#advice;
  }

  /** Mean time from a verdict until the next pass is wanted; 0 in race, which always wants one. */
  get turnaroundMs(): number {
    return this.#turnaroundMs;
  }

  /** A verdict leaves. @param counts of the drafts that it decides. */
  verdictSent({ acceptedCount, rejectedCount }: DraftCounts, nowMs: number): void {
    this.#acceptedCount += acceptedCount;
    this.#testedCount += acceptedCount + rejectedCount;
    this.#trust.learn(acceptedCount, rejectedCount);
    this.#lastVerdictAtMs = nowMs;
  }

  /** The device was told how long to draft. */
  advised(length: number): void {
    this.#advice = length;
  }

  /** A pass judges what the session has waited for since `waitingSinceMs`. */
  judged(waitingSinceMs: number): void {
    if (this.#lastVerdictAtMs === null) return;
    const sinceMs = waitingSinceMs - this.#lastVerdictAtMs;
    const turnaroundMs = Math.min(turnaroundMsMax, Math.max(0, sinceMs));
    this.#turnaroundMs += turnaroundStep * (turnaroundMs - this.#turnaroundMs);
  }
}
