// Estimates means and rates that follow new measurements and forget old ones. Never reads a clock.

import { assert } from '../../base/assert.js';

/** A mean as planners read it. */
export type MeanView = Pick<ForgettingMean, 'count' | 'mean' | 'deviation'>;

/** Mean and deviation of the newest values: plain at first, forgetting after `memory`. */
export class ForgettingMean {
  readonly #memory: number;
  #count = 0;
  #mean = 0;
  #deviation = 0;

  /** @param memory values that weigh together about 63 %, >= 1. */
  constructor(memory: number) {
    assert(memory >= 1, `memory ${memory} is below 1`);
    this.#memory = memory;
  }

  /** @param value finite and >= 0; other values come from a broken clock and are ignored. */
  add(value: number): void {
    if (!(value >= 0 && value < Infinity)) return;
    this.#count++;
    const weight = 1 / Math.min(this.#count, this.#memory);
    const error = value - this.#mean;
    this.#mean += weight * error;
    if (this.#count > 1) this.#deviation += weight * (Math.abs(error) - this.#deviation);
  }

  get count(): number {
    return this.#count;
  }

  /** Null before the first value. */
  get mean(): number | null {
    return this.#count === 0 ? null : this.#mean;
  }

  /** Mean absolute deviation; 0 before the second value. */
  get deviation(): number {
    return this.#deviation;
  }
}

/** Weight of the first guess, in tests. */
const priorTests = 2;

/** Acceptance rate with forgetting, starting from a guess that a few tests outweigh. */
export class AcceptanceEstimate {
  readonly #keep: number;
  #accepted: number;
  #tested = priorTests;

  /** @param memory tests after which a result has faded to 37 %, >= 1. @param guess in [0, 1]. */
  constructor(memory: number, guess: number) {
    this.#keep = Math.exp(-1 / memory);
    this.#accepted = guess * priorTests;
  }

  add(acceptedCount: number, rejectedCount: number): void {
    const tested = acceptedCount + rejectedCount;
    if (tested === 0) return;
    const keep = this.#keep ** tested;
    this.#accepted = this.#accepted * keep + acceptedCount;
    this.#tested = this.#tested * keep + tested;
  }

  /** In [0, 1]. */
  get rate(): number {
    return this.#accepted / this.#tested;
  }
}
