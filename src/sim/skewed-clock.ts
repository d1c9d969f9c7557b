// Keeps a clock with its own rate and offset beside virtual time; the rate may change, but the
// clock never runs backwards. Every simulated core reads one.

import { assert } from '../base/assert.js';

export class SkewedClock {
  #rate: number;
  #sinceMs: number;
  #thenMs: number;

  /**
   * @param rate its milliseconds per true one, > 0.
   * @param offsetMs what it shows at the true time 0.
   */
  constructor(rate = 1, offsetMs = 0) {
    assert(rate > 0, `rate ${rate}`);
    this.#rate = rate;
    this.#sinceMs = 0;
    this.#thenMs = offsetMs;
  }

  /** Its reading at a true time. */
  read(trueMs: number): number {
    return this.#thenMs + (trueMs - this.#sinceMs) * this.#rate;
  }

  /**
   * The true time at which it shows `shownMs`, or a moment later, never earlier: rounding must not
   * wake too soon.
   */
  trueTimeOf(shownMs: number): number {
    const trueMs = this.#sinceMs + (shownMs - this.#thenMs) / this.#rate;
    let step = 1e-9;
    let candidate = trueMs;
    while (this.read(candidate) < shownMs) {
      candidate = trueMs + step;
      step *= 2;
    }
    return candidate;
  }

  /** Runs at another rate from now on. */
  setRate(rate: number, trueMs: number): void {
    assert(rate > 0, `rate ${rate}`);
    this.#thenMs = this.read(trueMs);
    this.#sinceMs = trueMs;
    this.#rate = rate;
  }
}
