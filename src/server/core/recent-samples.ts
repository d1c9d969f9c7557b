// Keeps the last few hundred samples of one measure, for quantiles. Fixed memory.

import { quantile } from '../../math/statistics.js';

const capacity = 512;

export interface Quantiles {
  readonly count: number;
  /** Over the last 512; 0 before the first. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export class RecentSamples {
  readonly #samples = new Float64Array(capacity);
  #count = 0;

  add(sample: number): void {
    this.#samples[this.#count++ % capacity] = sample;
  }

  get quantiles(): Quantiles {
    const kept = [...this.#samples.subarray(0, Math.min(this.#count, capacity))];
    const at = (share: number): number => (kept.length === 0 ? 0 : quantile(kept, share));
    return { count: this.#count, p50: at(0.5), p90: at(0.9), p99: at(0.99) };
  }
}
