// Counts drafted, tested and accepted tokens, and computes rates from them. Acceptance is accepted
// / tested. Drafts after a rejection were never tested, so they tell nothing about the models.

import { assert } from '../base/assert.js';

/**
 * Counts of rounds and the rates made of them. Acceptance is accepted / tested: a rejected draft
 * was tested, the drafts after it were not.
 *
 * @example
 * ```ts
 * import { AcceptanceTally } from 'pilotfish/math';
 *
 * const tally = new AcceptanceTally();
 * tally.addRound(4, 4);
 * tally.addRound(4, 1);
 * tally.acceptanceRate; // = 5 / 6
 * tally.draftEfficiency; // = 5 / 8
 * tally.meanTokens; // = 3.5
 * ```
 */
export class AcceptanceTally {
  /** Entry i: rounds that tested, and accepted, their draft number i. */
  readonly #tested: number[] = [];
  readonly #accepted: number[] = [];
  #draftedCount = 0;
  #roundCount = 0;

  /**
   * Counts a round.
   *
   * @param draftCount drafts of the round, >= 0.
   * @param acceptedCount accepted drafts, in [0, draftCount].
   */
  addRound(draftCount: number, acceptedCount: number): void {
    assert(
      acceptedCount >= 0 && acceptedCount <= draftCount,
      `acceptedCount ${acceptedCount} is outside [0, ${draftCount}]`,
    );
    this.#roundCount++;
    this.#draftedCount += draftCount;
    // The rejected draft was tested too.
    const testedCount = Math.min(draftCount, acceptedCount + 1);
    for (let index = 0; index < testedCount; index++) {
      this.#tested[index] = (this.#tested[index] ?? 0) + 1;
      this.#accepted[index] = (this.#accepted[index] ?? 0) + (index < acceptedCount ? 1 : 0);
    }
  }

  /** Adds the counts of another tally, which stays as it is. */
  merge(other: AcceptanceTally): void {
    this.#roundCount += other.#roundCount;
    this.#draftedCount += other.#draftedCount;
    for (let index = 0; index < other.#tested.length; index++) {
      this.#tested[index] = (this.#tested[index] ?? 0) + other.#tested[index]!;
      this.#accepted[index] = (this.#accepted[index] ?? 0) + other.#accepted[index]!;
    }
  }

  get roundCount(): number {
    return this.#roundCount;
  }

  get draftedCount(): number {
    return this.#draftedCount;
  }

  get testedCount(): number {
    return total(this.#tested);
  }

  get acceptedCount(): number {
    return total(this.#accepted);
  }

  /** Accepted / tested, in [0, 1]; NaN before the first test. */
  get acceptanceRate(): number {
    return this.acceptedCount / this.testedCount;
  }

  /** Accepted / tested of draft number `index` of a round, from 0; NaN when never tested. */
  acceptanceRateAt(index: number): number {
    return (this.#accepted[index] ?? 0) / (this.#tested[index] ?? 0);
  }

  /** Entry i: rounds that tested, and accepted, their draft number i. Owned by the caller. */
  get positions(): { readonly testedCount: number; readonly acceptedCount: number }[] {
    return this.#tested.map((testedCount, index) => ({
      testedCount,
      acceptedCount: this.#accepted[index]!,
    }));
  }

  /**
   * Accepted / drafted, in [0, 1]: the share of drafts that was used; NaN before the first draft.
   */
  get draftEfficiency(): number {
    return this.acceptedCount / this.#draftedCount;
  }

  /** Accepted drafts per round, >= 0; NaN before the first round. */
  get meanAcceptedLength(): number {
    return this.acceptedCount / this.#roundCount;
  }

  /** Tokens per round, final token included, >= 1; NaN before the first round. */
  get meanTokens(): number {
    return this.meanAcceptedLength + 1;
  }
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
