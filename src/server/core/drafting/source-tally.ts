// Counts the tokens of a session by what drafted them. The others are the target's own.

import type { SourceCounts } from '../../../protocol/frame.js';
import type { ServerDrafts, ServerSource } from './draft-line.js';

export const noSources: SourceCounts = { deviceCount: 0, modelCount: 0, suffixCount: 0 };

/** What passes have tested of the server's own drafts. */
export interface ServerTests {
  /** Passes that tested any. */
  readonly roundCount: number;
  /** Tokens that passes were given, looked at or not. */
  readonly givenCount: number;
  /** Tokens that the target looked at, up to the first rejection, by what drafted them. */
  readonly modelCount: number;
  readonly suffixCount: number;
}

export const noServerTests: ServerTests = {
  ...{ roundCount: 0, givenCount: 0, modelCount: 0, suffixCount: 0 },
};

export class SourceTally {
  #total = noSources;
  #told = noSources;
  #tests = noServerTests;

  /** A draft has become part of the text. */
  add(source: 'device' | ServerSource): void {
    const name = `${source}Count` as const;
    this.#total = { ...this.#total, [name]: this.#total[name] + 1 };
  }

  /** A pass has tested drafts of the server. @param testedCount from the first on. */
  test({ sources }: Pick<ServerDrafts, 'sources'>, testedCount: number): void {
    const tested = sources.slice(0, Math.max(0, testedCount));
    const modelCount = tested.filter((source) => source === 'model').length;
    this.#tests = {
      roundCount: this.#tests.roundCount + (tested.length > 0 ? 1 : 0),
      givenCount: this.#tests.givenCount + sources.length,
      modelCount: this.#tests.modelCount + modelCount,
      suffixCount: this.#tests.suffixCount + tested.length - modelCount,
    };
  }

  get tests(): ServerTests {
    return this.#tests;
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

/** @returns `total` and what `after` has more than `before`. */
export const addTests = (
  total: ServerTests,
  before: ServerTests,
  after: ServerTests,
): ServerTests => ({
  roundCount: total.roundCount + after.roundCount - before.roundCount,
  givenCount: total.givenCount + after.givenCount - before.givenCount,
  modelCount: total.modelCount + after.modelCount - before.modelCount,
  suffixCount: total.suffixCount + after.suffixCount - before.suffixCount,
});
