// Counts the tokens of a session by what drafted them. The others are the target's own.

import type { SourceCounts } from '../../../protocol/frame.js';
import type { ServerSource } from './draft-line.js';

export const noSources: SourceCounts = { deviceCount: 0, modelCount: 0, suffixCount: 0 };

export class SourceTally {
  #total = noSources;
  #told = noSources;

  /** A draft has become part of the text. */
  add(source: 'device' | ServerSource): void {
    const name = `${source}Count` as const;
    this.#total = { ...this.#total, [name]: this.#total[name] + 1 };
  }

  get total(): SourceCounts {
    return this.#total;
  }

  /** The counts since they were taken last. */
  take(): SourceCounts {
    const counts = difference(this.#total, this.#told);
    this.#told = this.#total;
    return counts;
  }
}

export const difference = (after: SourceCounts, before: SourceCounts): SourceCounts => ({
  deviceCount: after.deviceCount - before.deviceCount,
  modelCount: after.modelCount - before.modelCount,
  suffixCount: after.suffixCount - before.suffixCount,
});

export const sum = (one: SourceCounts, other: SourceCounts): SourceCounts => ({
  deviceCount: one.deviceCount + other.deviceCount,
  modelCount: one.modelCount + other.modelCount,
  suffixCount: one.suffixCount + other.suffixCount,
});
