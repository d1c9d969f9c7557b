// Estimates means and rates that follow new measurements and forget old ones. Never reads a clock.

import { assert } from '../../base/assert.js';

/** A mean as planners read it. */
export type MeanView = Pick<ForgettingMean, 'count' | 'mean' | 'deviation'>;

/** Values that set the usual range, before any counts as outside. */
const rangeFrom = 4;
/** Mean deviations on each side, and then a third: beyond them a value is outside. */
const rangeDeviations = 2;
const rangeShare = 1 / 3;
/** Values in a row outside, all above or all below, after which older ones count no more. */
const shiftFrom = 3;

/**
 * Mean and deviation of the newest values: plain at first, forgetting after `memory`. A value
 * outside the usual range counts as one at its end; three in a row on one side begin a new range.
 */
export class ForgettingMean {
  readonly #memory: number;
  #count = 0;
  #mean = 0;
  #deviation = 0;
  /** The newest values, in a row outside the range on one side: 1 above, -1 below. */
  #outside: number[] = [];
  #side = 0;
  #shiftCount = 0;

  /** @param memory values that weigh together about 63 %, >= 1. */
  constructor(memory: number) {
    assert(memory >= 1, `memory ${memory} is below 1`);
    this.#memory = memory;
  }

  /** @param value finite and >= 0; other values come from a broken clock and are ignored. */
  add(value: number): void {
    if (!(value >= 0 && value < Infinity)) return;
    const side = Math.sign(value - this.#intoRange(value));
    if (side !== this.#side) this.#endRun();
    this.#side = side;
    if (side === 0) this.#learn(value);
    else this.#outside.push(value);
    if (this.#outside.length === shiftFrom) this.#shift();
  }

  /** Learns from values outside that were too few for a change. */
  #endRun(): void {
    for (const value of this.#outside) this.#learn(this.#intoRange(value));
    this.#outside = [];
  }

  /** The range begins anew; the first value outside may belong to both. */
  #shift(): void {
    const newest = this.#outside.slice(1);
    this.#outside = [];
    this.#side = 0;
    this.#shiftCount++;
    this.#count = this.#mean = this.#deviation = 0;
    for (const value of newest) this.#learn(value);
  }

  /** The value, or the end of the usual range that it is beyond. */
  #intoRange(value: number): number {
    if (this.#count < rangeFrom) return value;
    const spread = rangeDeviations * this.#deviation;
    const low = (this.#mean - spread) * (1 - rangeShare);
    return Math.min(Math.max(value, low), (this.#mean + spread) * (1 + rangeShare));
  }

  #learn(value: number): void {
    this.#count++;
    const weight = 1 / Math.min(this.#count, this.#memory);
    const error = value - this.#mean;
    this.#mean += weight * error;
    if (this.#count > 1) this.#deviation += weight * (Math.abs(error) - this.#deviation);
  }

  /** Whether the newest value was outside the usual range: a few more will tell. */
  get isShifting(): boolean {
    return this.#outside.length > 0;
  }

  /** How often the range has begun anew. */
  get shiftCount(): number {
    return this.#shiftCount;
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
