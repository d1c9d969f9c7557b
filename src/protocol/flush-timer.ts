// Moments at a steady distance, at which frames leave that would tell by their times what they are. Reads no clock.

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

  /** Moves on to the first moment behind `nowMs`; those that were missed are left out, the distance stays. */
  pass(nowMs: number): void {
    const missed = Math.floor((nowMs - this.#atMs) / this.periodMs);
    this.#atMs += this.periodMs * (missed + 1);
  }
}
