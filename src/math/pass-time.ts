// How long a pass of the target takes, learnt while it runs: ms = a + b tokens + c rows + d tokens * context, by
// recursive least squares with forgetting and a damped answer to outliers. Knows no clock: who measures feeds it.
// Sources: Plackett 1950 (recursion), Huber 1964 (damping); the form of the line is WISP's, arXiv 2601.11652.

import { assert } from '../base/assert.js';

/** What a pass computes. */
export interface PassShape {
  /** Tokens of all segments, >= 0. */
  readonly tokenCount: number;
  /** Rows judged, >= 0. */
  readonly rowCount: number;
  /** Sum over tokens of the cache length that each attends to, >= 0. */
  readonly tokenContext: number;
}

/** Coefficients of the line, each >= 0, in milliseconds. */
export interface PassCost {
  readonly fixedMs: number;
  readonly tokenMs: number;
  readonly rowMs: number;
  readonly tokenContextMs: number;
}

/** How well past passes were foretold, before each was learnt from. */
export interface PassTimeError {
  readonly passCount: number;
  /** Mean absolute error, in milliseconds and as a share of the mean time; recent passes count most. */
  readonly absoluteMs: number;
  readonly share: number;
}

/** Weight of a pass one pass later: about the last 500 count. */
const forgetting = 0.998;
/** Errors beyond this many mean errors are damped: a pause of the machine must not bend the line. */
const outlierFrom = 3;
/** Weight of the newest error in the means. */
const errorStep = 0.05;
/** Features are brought near 1, so that one starting uncertainty suits all four. */
const scales = [1, 1 / 16, 1 / 16, 1 / 16_384] as const;
const startingVariance = 1e4;
/** Forgetting without news would let the uncertainty grow without bound. */
const varianceMax = 1e6;

export class PassTimeModel {
  /** [4] per scaled feature, each >= 0. */
  readonly #weights = new Float64Array(4);
  /** [4 x 4], symmetric. */
  readonly #covariance = new Float64Array(16);
  #passCount = 0;
  #absoluteMs = 0;
  #meanMs = 0;

  constructor() {
    for (let index = 0; index < 4; index++) this.#covariance[index * 5] = startingVariance;
  }

  get cost(): PassCost {
    const [fixedMs, tokenMs, rowMs, tokenContextMs] = this.#weights;
    return {
      fixedMs: fixedMs! * scales[0],
      tokenMs: tokenMs! * scales[1],
      rowMs: rowMs! * scales[2],
      tokenContextMs: tokenContextMs! * scales[3],
    };
  }

  get error(): PassTimeError {
    const share = this.#meanMs > 0 ? this.#absoluteMs / this.#meanMs : 0;
    return { passCount: this.#passCount, absoluteMs: this.#absoluteMs, share };
  }

  /** Milliseconds of a pass, >= 0, never falling when the pass grows; 0 before the first was measured. */
  predict(shape: PassShape): number {
    const features = featuresOf(shape);
    return features.reduce((sum, feature, index) => sum + feature * this.#weights[index]!, 0);
  }

  /** Learns from one measured pass. @param ms its time, finite and >= 0. */
  learn(shape: PassShape, ms: number): void {
    assert(ms >= 0 && ms < Infinity, `a pass took ${ms} ms`);
    const features = featuresOf(shape);
    const error = ms - this.predict(shape);
    const weight = this.#passCount < 4 ? 1 : damping(error, this.#absoluteMs);
    this.#countError(error, ms);
    const gain = this.#gain(features, weight);
    for (let index = 0; index < 4; index++) {
      // Costs are not negative; a line that dips below 0 would promise that more work takes less time.
      this.#weights[index] = Math.max(0, this.#weights[index]! + gain[index]! * error);
    }
    this.#shrinkCovariance(features, gain);
  }

  #countError(error: number, ms: number): void {
    this.#passCount++;
    // The first passes fill the means evenly, or one wild start would linger.
    const step = Math.max(errorStep, 1 / this.#passCount);
    this.#absoluteMs += step * (Math.abs(error) - this.#absoluteMs);
    this.#meanMs += step * (ms - this.#meanMs);
  }

  #gain(features: readonly number[], weight: number): Float64Array {
    const spread = this.#covarianceTimes(features);
    const variance = features.reduce((sum, feature, index) => sum + feature * spread[index]!, 0);
    return spread.map((value) => value / (forgetting / weight + variance));
  }

  #covarianceTimes(features: readonly number[]): Float64Array {
    return Float64Array.from({ length: 4 }, (_, row) =>
      features.reduce(
        (sum, feature, column) => sum + this.#covariance[row * 4 + column]! * feature,
        0,
      ),
    );
  }

  #shrinkCovariance(features: readonly number[], gain: Float64Array): void {
    const spread = this.#covarianceTimes(features);
    const matrix = this.#covariance;
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column <= row; column++) {
        const value = matrix[row * 4 + column]! - gain[row]! * spread[column]!;
        matrix[row * 4 + column] = value;
        matrix[column * 4 + row] = value;
      }
    }
    const largest = Math.max(matrix[0]!, matrix[5]!, matrix[10]!, matrix[15]!);
    if (largest / forgetting > varianceMax) return;
    for (let index = 0; index < 16; index++) matrix[index]! /= forgetting;
  }
}

function featuresOf({ tokenCount, rowCount, tokenContext }: PassShape): readonly number[] {
  return [scales[0], tokenCount * scales[1], rowCount * scales[2], tokenContext * scales[3]];
}

/** Weight of a measurement in (0, 1]: errors far beyond the usual pull with the strength of the largest usual one. */
function damping(error: number, usualMs: number): number {
  const limit = outlierFrom * usualMs;
  const size = Math.abs(error);
  return size <= limit || limit === 0 ? 1 : limit / size;
}
