// Measures the share of recent time in which the engine computed. It decides how much waiting for a
// device costs.

/** Weight of the newest pass and of the pause before it. */
const step = 0.1;
/** A longer pause means only that there was no work. */
const pauseMsMax = 1000;
/** A server that never rests has room for a rounding error. */
const busyShareMax = 0.999;

export class Occupancy {
  #busyMs = 0;
  #pauseMs = 0;
  #freeSinceMs: number | null = null;

  /** A pass has run in [fromMs, toMs]. */
  add(fromMs: number, toMs: number): void {
    const pauseMs = this.#freeSinceMs === null ? pauseMsMax : fromMs - this.#freeSinceMs;
    this.#busyMs += step * (toMs - fromMs - this.#busyMs);
    this.#pauseMs += step * (Math.min(pauseMs, pauseMsMax) - this.#pauseMs);
    this.#freeSinceMs = toMs;
  }

  /** In [0, 1); 0 before the first pass. */
  get busyShare(): number {
    const spanMs = this.#busyMs + this.#pauseMs;
    return spanMs === 0 ? 0 : Math.min(busyShareMax, this.#busyMs / spanMs);
  }
}
