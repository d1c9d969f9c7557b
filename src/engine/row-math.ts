// Answers the engine's questions about one row of logits: the likeliest token, the winner of the
// coupled race, the law. The reference here is the definition, in float64 over src/math; kernel/
// gives the same answers faster. Never changes the caller's row.

import { assert } from '../base/assert.js';
import { coupledRanking, coupledToken, coupledTokenFromLogits } from '../math/coupled.js';
import type { TokenCounts } from '../math/history.js';
import type { Law } from '../math/law.js';
import { lawFromLogits } from '../math/law-pipeline.js';
import { argmax, softmaxProb, weightsOf } from '../math/logits.js';
import type { NoiseKey } from '../math/noise.js';
import { applyPenalties } from '../math/penalty.js';
import { isFiltered, type Sampling } from '../math/sampling.js';
import { applyMask, type TokenMask } from '../math/token-mask.js';

/**
 * Answers questions about the row of the last `load`, with penalties and bias applied. The
 * `sampling` of a question gives temperature and filters. All methods except `load` and `logit`
 * throw PilotfishError `engine-failed` if no logit of the row is above -Infinity.
 * src/math/logits.ts defines NaN and Infinity.
 */
export interface RowMath {
  readonly vocabSize: number;
  /** The implementation: the reference in JavaScript, or the WebAssembly SIMD kernel. */
  readonly implementation: 'reference' | 'simd';

  /**
   * Copies a row and applies penalties and bias of `sampling`, then the mask, to the copy.
   *
   * @param logits [vocab], not changed, not kept.
   * @param history null if `usesHistory(sampling)` is false.
   * @param mask tokens that a format allows, or null; applied last, see applyMask.
   */
  load(
    logits: Float32Array,
    sampling: Sampling,
    history: TokenCounts | null,
    mask: TokenMask | null,
  ): void;

  /** The likeliest token; of equal ones the lowest id. */
  argmax(): number;

  /** The logit of one token, penalties and bias applied; does not throw. */
  logit(token: number): number;

  /**
   * Winner of the coupled race under `law(sampling)`: the same token from every implementation.
   *
   * @param key of stream `race`.
   * @param position absolute position of the token, in [0, 2^32).
   */
  coupledToken(sampling: Sampling, key: NoiseKey, position: number): number;

  /**
   * The first tokens of that race, winner first.
   *
   * @param count >= 1.
   * @returns at most `count` tokens, fewer if fewer have a probability above 0; owned by the
   *   caller.
   */
  coupledRanking(sampling: Sampling, key: NoiseKey, position: number, count: number): Int32Array;

  /**
   * The law of the row: src/math/law-pipeline.ts. A sparse law is the same from every
   * implementation, bit for bit; the probabilities of a dense one agree within 1e-11 of each,
   * except that those below 2^-1021 may be 0.
   *
   * @returns owned by the caller.
   */
  law(sampling: Sampling): Law;

  /**
   * Softmax probability of one token at temperature 1, after the mask and before other filters.
   * Implementations agree within 1e-11 of it.
   */
  softmaxProb(token: number): number;
}

/** The definition: plain float64 over src/math. @param vocabSize >= 1. */
export function referenceRowMath(vocabSize: number): RowMath {
  assert(vocabSize >= 1, `vocabulary of ${vocabSize} tokens`);
  return new ReferenceRowMath(new Float32Array(vocabSize));
}

/**
 * The definition over a row that its owner fills. Answers for the current `row`, penalties already
 * applied.
 *
 * @param row [vocab], kept; changed only by `load`.
 */
export function referenceOver(row: Float32Array): RowMath {
  return new ReferenceRowMath(row);
}

class ReferenceRowMath implements RowMath {
  readonly implementation = 'reference';
  readonly #row: Float32Array;

  constructor(row: Float32Array) {
    this.#row = row;
  }

  get vocabSize(): number {
    return this.#row.length;
  }

  load(
    logits: Float32Array,
    sampling: Sampling,
    history: TokenCounts | null,
    mask: TokenMask | null,
  ): void {
    assert(
      logits.length === this.vocabSize,
      `row of ${logits.length} logits for a vocabulary of ${this.vocabSize}`,
    );
    this.#row.set(logits);
    applyPenalties(this.#row, sampling, history);
    if (mask !== null) applyMask(this.#row, mask);
  }

  argmax(): number {
    return argmax(this.#row);
  }

  logit(token: number): number {
    return this.#row[token]!;
  }

  coupledToken(sampling: Sampling, key: NoiseKey, position: number): number {
    if (hasDenseLaw(sampling)) {
      return coupledTokenFromLogits(this.#row, sampling.temperature, key, position);
    }
    return coupledToken(this.law(sampling), key, position);
  }

  coupledRanking(sampling: Sampling, key: NoiseKey, position: number, count: number): Int32Array {
    // Weights work like probabilities, and keep the first of the ranking equal to coupledToken.
    const law: Law = hasDenseLaw(sampling)
      ? { kind: 'dense', probs: weightsOf(this.#row, sampling.temperature) }
      : this.law(sampling);
    return coupledRanking(law, key, position, count);
  }

  law(sampling: Sampling): Law {
    return lawFromLogits(this.#row, sampling);
  }

  softmaxProb(token: number): number {
    return softmaxProb(this.#row, token);
  }
}

/** Whether the law of a row keeps the whole vocabulary. */
export function hasDenseLaw(sampling: Sampling): boolean {
  return sampling.temperature > 0 && !isFiltered(sampling);
}
