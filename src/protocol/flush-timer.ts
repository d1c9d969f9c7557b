// Computes the regular moments at which held frames leave, so that their send times reveal nothing.
// Reads no clock.

export class FlushTimer {
  readonly periodMs: number;
  #atMs: number;

  /** @param periodMs > 0. @param nowMs the first moment. */
  constructor(periodMs: number, nowMs: number) {
    this.periodMs = periodMs;
    this.#atMs = nowMs;
  }

  /** The next moment. */
  get atMs(): number {
    return this.#atMs;
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.#atMs;
  }

  /** Moves to the first moment after `nowMs`. Skips missed moments and keeps the period. */
  pass(nowMs: number): void {
    const missed = Math.floor((nowMs - this.#atMs) / this.periodMs);
    this.#atMs += this.periodMs * (missed + 1);
  }
}
