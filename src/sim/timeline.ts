// Keeps virtual time: runs callbacks in order of time and then of scheduling.

import { assert } from '../base/assert.js';
import { type TimerEntry, TimerHeap } from '../base/timer-heap.js';

/** A scheduled callback. */
export interface Timer extends TimerEntry {
  readonly run: () => void;
}

export class Timeline {
  #nowMs = 0;
  #order = 0;
  readonly #heap = new TimerHeap<Timer>();

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Callbacks that are still to run. */
  get size(): number {
    return this.#heap.size;
  }

  /** @param atMs the past counts as now. */
  at(atMs: number, run: () => void): Timer {
    assert(!Number.isNaN(atMs) && atMs < Infinity, `a timer at ${atMs}`);
    const timer = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run, index: -1 };
    this.#heap.add(timer);
    return timer;
  }

  /** Does nothing for a timer that has run. */
  cancel(timer: Timer | null): void {
    if (timer !== null) this.#heap.remove(timer);
  }

  /** Runs the next callback. @returns false when nothing is left before `untilMs`. */
  step(untilMs: number): boolean {
    const { first } = this.#heap;
    if (first === undefined || first.atMs > untilMs) return false;
    this.cancel(first);
    this.#nowMs = first.atMs;
    first.run();
    return true;
  }
}
