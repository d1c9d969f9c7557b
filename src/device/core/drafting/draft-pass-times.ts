// Measures what a pass of this device's draft model costs by its rows: the price of a further row,
// in units of a pass with one. Never reads a clock.

import { assert } from '../../../base/assert.js';
import { quantile } from '../../../math/statistics.js';

/** Passes of each kind that are remembered. */
const memory = 9;
/** Other work only adds to a pass's time: its own is among the lowest measured. */
const lowShare = 0.25;
/** Trial passes of two rows before a price counts: each may waste a row. */
const trials = 2;
/** After so many passes of one row another trial is due: models and machines change their pace. */
const retrialAfter = 256;

export class DraftPassTimes {
  #singlesMs: number[] = [];
  /** Milliseconds of a further row. */
  #rowsMs: number[] = [];
  #singlesSinceTrial = 0;
  /** Of a further row, in units of a pass with one; null before a trial. */
  #price: number | null = null;

  /** @param rowCount >= 1, of one pass. @param ms since its begin, or the pass before. */
  add(rowCount: number, ms: number): void {
    assert(rowCount >= 1, `a pass of ${rowCount} rows`);
    if (!(ms >= 0 && ms < Infinity)) return;
    if (rowCount === 1) {
      this.#singlesMs = [...this.#singlesMs, ms].slice(-memory);
      this.#singlesSinceTrial++;
    } else {
      this.#singlesSinceTrial = 0;
      if (this.#singlesMs.length === 0) return;
      const rowMs = (ms - quantile(this.#singlesMs, lowShare)) / (rowCount - 1);
      this.#rowsMs = [...this.#rowsMs, Math.max(0, rowMs)].slice(-memory);
    }
    this.#price = this.#rowsMs.length < trials ? null : this.#priceNow();
  }

  #priceNow(): number {
    const singleMs = quantile(this.#singlesMs, lowShare);
    // A pass too short for the clock costs nothing, with any number of rows.
    return singleMs === 0 ? 0 : quantile(this.#rowsMs, lowShare) / singleMs;
  }

  /**
   * A pass of `rowCount` rows in units of one with a single row. While a trial is due, a second row
   * is taken to cost nothing and any more a pass each: only trials tell.
   */
  cost(rowCount: number): number {
    if (rowCount === 1) return 1;
    if (this.#singlesMs.length === 0) return rowCount;
    if (this.#price === null || this.#singlesSinceTrial >= retrialAfter) return rowCount - 1;
    return 1 + (rowCount - 1) * this.#price;
  }
}
