// Estimates how often the target picks the draft's token or one of its runners-up, given how
// narrowly the draft decided. Models the target's scores as the draft's plus Gumbel noise of scale
// 1 / sharpness (MATH.md, Branches); fits the sharpness and the coverage of the list to verdicts.

import { AcceptanceEstimate } from '../../estimate.js';

/** Per unit of logits. A guess of the right size; verdicts move it from there. */
const firstSharpness = 0.9;
const sharpnessMin = 0.05;
const sharpnessMax = 20;
/** Of the gradient of a verdict's log-likelihood, on the logarithm of the sharpness. */
const step = 0.02;
/** No verdict is worth more steps: a single gap may be as large as logits are. */
const stepsMax = 4;
const coverageMemory = 64;
/** With three runners-up. */
const coverageGuess = 0.85;

export class AcceptanceModel {
  #sharpness = firstSharpness;
  readonly #coverage = new AcceptanceEstimate(coverageMemory, coverageGuess);

  get sharpness(): number {
    return this.#sharpness;
  }

  /**
   * Chances of the drafted token and of its runners-up: together, that the target's is among them.
   *
   * @param gaps [n] see Alternatives. @returns [1 + n], the drafted token's first.
   */
  chances(gaps: Float64Array): Float64Array {
    const coverage = this.#coverage.rate;
    return this.#shares(gaps).map((share) => coverage * share);
  }

  /** [1 + n] chances where the list holds the target's token. */
  #shares(gaps: Float64Array): Float64Array {
    const weights = new Float64Array(gaps.length + 1);
    weights[0] = 1;
    gaps.forEach((gap, index) => {
      weights[index + 1] = Math.exp(-this.#sharpness * gap);
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  }

  /**
   * Takes in what the target picked at one position.
   *
   * @param gaps [n].
   * @param rank 0: the drafted token; r: the r-th runner-up, in [1, n]; null: none of them.
   */
  learn(gaps: Float64Array, rank: number | null): void {
    this.#coverage.add(rank === null ? 0 : 1, rank === null ? 1 : 0);
    if (rank === null) return;
    const gapOf = (index: number): number => (index === 0 ? 0 : gaps[index - 1]!);
    const expected = this.#shares(gaps).reduce(
      (sum, share, index) => sum + share * gapOf(index),
      0,
    );
    const slope = this.#sharpness * (expected - gapOf(rank));
    const move = Math.max(-stepsMax, Math.min(stepsMax, slope));
    const moved = this.#sharpness * Math.exp(step * move);
    this.#sharpness = Math.max(sharpnessMin, Math.min(sharpnessMax, moved));
  }
}
