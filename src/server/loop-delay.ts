// Measures how late the event loop is: the time for which the frames of all devices waited because
// something else ran. A timer of ten milliseconds is looked at; what it is late by counts.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds. */
export interface LoopDelays {
  readonly p50: number;
  readonly p999: number;
  readonly max: number;
}

export const resolutionMs = 10;
const windowMs = 10_000;

export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #timer: NodeJS.Timeout;
  #last: LoopDelays | null = null;

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      this.#last = this.#now();
      this.#histogram.reset();
    }, windowMs).unref();
  }

  /** Of the last full window of ten seconds, or of the present one where that is worse. */
  read(): LoopDelays {
    const now = this.#now();
    return this.#last === null || now.max > this.#last.max ? now : this.#last;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #now(): LoopDelays {
    return delaysIn(this.#histogram);
  }
}

/** @param histogram of a monitor with `resolutionMs`. */
export function delaysIn(histogram: IntervalHistogram): LoopDelays {
  if (histogram.count === 0) return { p50: 0, p999: 0, max: 0 };
  const late = (ns: number): number => Math.max(0, ns / 1e6 - resolutionMs);
  return {
    p50: late(histogram.percentile(50)),
    p999: late(histogram.percentile(99.9)),
    max: late(histogram.max),
  };
}
