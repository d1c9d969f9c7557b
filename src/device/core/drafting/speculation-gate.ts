// Decides whether drafting pays in race. A device that cannot beat the server saves its energy and
// tries again later, since servers fill up and devices cool down. The threshold is the bound of
// race in math/round-time.ts.

import type { Timings } from './timings.js';

/** Drafting that saves less than this share of the time is not worth its energy. */
const shareMax = 0.99;
/** Verdicts in a row that must agree: a few slow tokens are no trend. */
const verdictsToPause = 16;
const pauseMinMs = 2_000;
const pauseMaxMs = 60_000;

export class SpeculationGate {
  #losses = 0;
  #pauseMs = pauseMinMs;
  #pausedSinceMs: number | null = null;
  #pausedUntilMs = 0;
  #pausedMs = 0;
  #pauseCount = 0;

  /** Takes in the measurements of a verdict. */
  observe(timings: Timings, nowMs: number): void {
    this.endPause(nowMs);
    if (this.isPaused(nowMs)) return;
    const share = timings.raceShare;
    if (share === null) return;
    if (share <= shareMax) {
      this.#losses = 0;
      this.#pauseMs = pauseMinMs;
      return;
    }
    this.#losses++;
    if (this.#losses >= verdictsToPause) this.#pause(nowMs);
  }

  #pause(nowMs: number): void {
    this.#losses = 0;
    this.#pauseCount++;
    this.#pausedSinceMs = nowMs;
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMaxMs);
  }

  isPaused(nowMs: number): boolean {
    return this.#pausedSinceMs !== null && nowMs < this.#pausedUntilMs;
  }

  /** Ends a pause whose time has come. */
  endPause(nowMs: number): void {
    if (this.#pausedSinceMs === null || this.isPaused(nowMs)) return;
    this.#pausedMs += nowMs - this.#pausedSinceMs;
    this.#pausedSinceMs = null;
  }

  /** When the pause ends; null while drafting. */
  get pausedUntilMs(): number | null {
    return this.#pausedSinceMs === null ? null : this.#pausedUntilMs;
  }

  get pauseCount(): number {
    return this.#pauseCount;
  }

  pausedMs(nowMs: number): number {
    return this.#pausedMs + (this.#pausedSinceMs === null ? 0 : nowMs - this.#pausedSinceMs);
  }
}
