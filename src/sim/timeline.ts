// Keeps virtual time: runs callbacks in order of time and then of scheduling. A binary heap whose
// entries know their places, so that a replaced timer leaves nothing behind.

import { assert } from '../base/assert.js';

/** A scheduled callback. */
export interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  /** Place in the heap; -1 once it has run or was cancelled. */
  index: number;
}

const isBefore = (a: Timer, b: Timer): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export class Timeline {
  #nowMs = 0;
  #order = 0;
  readonly #heap: Timer[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Callbacks that are still to run. */
  get size(): number {
    return this.#heap.length;
  }

  /** @param atMs the past counts as now. */
  at(atMs: number, run: () => void): Timer {
    assert(!Number.isNaN(atMs) && atMs < Infinity, `a timer at ${atMs}`);
    const timer = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run, index: -1 };
    timer.index = this.#heap.push(timer) - 1;
    this.#rise(timer);
    return timer;
  }

  /** Does nothing for a timer that has run. */
  cancel(timer: Timer | null): void {
    if (timer === null || timer.index < 0) return;
    const { index } = timer;
    const last = this.#heap.pop()!;
    timer.index = -1;
    if (last === timer) return;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  /** Runs the next callback. @returns false when nothing is left before `untilMs`. */
  step(untilMs: number): boolean {
    const [first] = this.#heap;
    if (first === undefined || first.atMs > untilMs) return false;
    this.cancel(first);
    this.#nowMs = first.atMs;
    first.run();
    return true;
  }

  #put(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }

  #rise(timer: Timer): void {
    for (let index = timer.index; index > 0; ) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above]!;
      if (!isBefore(timer, parent)) break;
      this.#put(parent, index);
      this.#put(timer, above);
      index = above;
    }
  }

  #sink(timer: Timer): void {
    for (;;) {
      const left = 2 * timer.index + 1;
      const right = left + 1;
      let child = this.#heap[left];
      if (child === undefined) return;
      const other = this.#heap[right];
      if (other !== undefined && isBefore(other, child)) child = other;
      if (!isBefore(child, timer)) return;
      const { index } = child;
      this.#put(child, timer.index);
      this.#put(timer, index);
    }
  }
}
