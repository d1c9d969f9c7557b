// Learns how long a pass of the target takes: ms = a + s + b tokens + c rows + d tokens * context,
// where s is 0 for a single token: that is a product of matrix and vector, several are products of
// matrices, and on a CPU two tokens may take twice as long as one. No coefficient is below 0; the
// fit minimises the mean relative error over recent passes. Knows no clock: the caller measures. A
// few passes in a row far off the line mean another machine, or the same one under other load: what
// was learned before is then moved to fit them, and counts for little. Sources: Schlossmacher 1973
// (least deviations by reweighting); WISP, arXiv 2601.11652 (the form of the line). Recursive least
// squares was tried first: one cold pass or a clamped coefficient led it astray for hundreds of
// passes.

import { assert } from '../base/assert.js';
import { median } from './statistics.js';

/** The size of a pass. */
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
  /** Added where a pass has more than one token. Absent: 0. */
  readonly severalMs?: number;
  readonly tokenMs: number;
  readonly rowMs: number;
  readonly tokenContextMs: number;
}

/** Milliseconds of a pass by its line. */
export function passMsOf(cost: PassCost, shape: PassShape): number {
  const { tokenCount, rowCount, tokenContext } = shape;
  const { fixedMs, severalMs = 0, tokenMs, rowMs, tokenContextMs } = cost;
  const baseMs = tokenCount > 1 ? fixedMs + severalMs : fixedMs;
  return baseMs + tokenMs * tokenCount + rowMs * rowCount + tokenContextMs * tokenContext;
}

/** Error of the predictions for past passes, each made before learning from that pass. */
export interface PassTimeError {
  readonly passCount: number;
  /**
   * Mean absolute error, in milliseconds and as a share of the mean time; recent passes count most.
   */
  readonly absoluteMs: number;
  readonly share: number;
}

/** Passes kept in memory; each counts slightly less than the next. */
const windowLength = 256;
/** [windowLength], newest first. */
const ageWeights = Float64Array.from({ length: windowLength }, (_, age) => 0.985 ** age);
/**
 * A fit costs as much as a few rounds of the server: after every pass at first, then less often.
 */
const fitEvery = 32;
const fitAlwaysUntil = 16;
/** Passes in a row off the line, all slower or all faster, that ask whether the machine changed. */
const shiftFrom = 7;
/** A pass is off the line beyond this share of the prediction, or twice the usual error. */
const offShare = 1 / 3;
/** Sizes up to this multiple of the largest known are no extrapolation. */
const knownSpan = 1.25;
/** Weight of passes from before a change, once they are moved. */
const movedWeight = 0.05;
/** Few, because each fit starts from the previous result. */
const reweightings = 4;
const sweeps = 40;
/** Stop when a sweep changes no weight by more than this share. */
const settled = 1e-6;
/** Below this a time is not measured but rounded. */
const leastMs = 1e-3;
/** Floor of relative errors in the weights: no measurement is exact. */
const precision = 0.02;
/**
 * Ridge, as a share of each feature's own weight. Costs that cannot be separated count as fixed
 * cost.
 */
const shrinkage = [0, 1e-4, 1e-4, 1e-4, 1e-4] as const;
/** Weight of the newest error in the means. */
const errorStep = 0.02;
/** Scales features to about 1, so that one shrinkage suits all. */
const scales = [1, 1, 1 / 16, 1 / 16, 1 / 16_384] as const;
const featureCount = scales.length;

type Features = readonly [number, number, number, number, number];

/** Numbers stored per pass: its features, its milliseconds, and its weight beside that of age. */
const stride = featureCount + 2;
const msAt = featureCount;
const trustAt = featureCount + 1;

export class PassTimeModel {
  /** [5] per scaled feature, each >= 0. */
  readonly #weights = new Float64Array(featureCount);
  /** Ring of the last passes. */
  readonly #window = new Float64Array(windowLength * stride);
  #passCount = 0;
  #absoluteMs = 0;
  #meanMs = 0;
  /** Newest passes in a row off the line: slower ones above 0, faster ones below. */
  #offCount = 0;
  /** Pass after which the line is fitted to every one for a while. */
  #settledFrom = 0;

  get cost(): PassCost {
    const [fixedMs, severalMs, tokenMs, rowMs, tokenContextMs] = this.#weights;
    return {
      fixedMs: fixedMs! * scales[0],
      severalMs: severalMs! * scales[1],
      tokenMs: tokenMs! * scales[2],
      rowMs: rowMs! * scales[3],
      tokenContextMs: tokenContextMs! * scales[4],
    };
  }

  get error(): PassTimeError {
    const share = this.#meanMs > 0 ? this.#absoluteMs / this.#meanMs : 0;
    return { passCount: this.#passCount, absoluteMs: this.#absoluteMs, share };
  }

  /**
   * Milliseconds of a pass, >= 0, never falling when the pass grows; 0 before the first was
   * measured.
   */
  predict(shape: PassShape): number {
    return product(featuresOf(shape), this.#weights);
  }

  /** Learns from one measured pass. @param ms its time, finite and >= 0. */
  learn(shape: PassShape, ms: number): void {
    assert(ms >= 0 && ms < Infinity, `a pass took ${ms} ms`);
    const features = featuresOf(shape);
    const predictedMs = product(features, this.#weights);
    const side = this.#sideOf(features, predictedMs, ms);
    this.#offCount = side * this.#offCount > 0 ? this.#offCount + side : side;
    this.#countError(Math.abs(ms - predictedMs), ms);
    const at = (this.#passCount++ % windowLength) * stride;
    this.#window.set(features, at);
    this.#window[at + msAt] = ms;
    this.#window[at + trustAt] = 1;
    const isNew = this.#passCount <= this.#settledFrom + fitAlwaysUntil;
    if (isNew || this.#passCount % fitEvery === 0) this.#fit();
    if (Math.abs(this.#offCount) >= shiftFrom) this.#reconsider();
  }

  /** 1: slower than the line says, -1: faster, 0: neither, or not known. */
  #sideOf(features: Features, predictedMs: number, ms: number): number {
    if (this.#passCount < fitAlwaysUntil || predictedMs === 0) return 0;
    const offBy = Math.abs(ms - predictedMs) / predictedMs;
    if (offBy <= Math.max(offShare, Math.min(2 * this.error.share, 0.6))) return 0;
    return this.#isKnownSize(features) ? Math.sign(ms - predictedMs) : 0;
  }

  /** Whether passes so large were measured: beyond them the line is a guess. */
  #isKnownSize(features: Features): boolean {
    return features.every((value, feature) => {
      for (let at = feature; at < this.#known * stride; at += stride) {
        if (value <= knownSpan * this.#window[at]!) return true;
      }
      return value === 0;
    });
  }

  /** The newest passes are off the line: it is fitted anew, or the machine has changed. */
  #reconsider(): void {
    const count = Math.abs(this.#offCount);
    const side = Math.sign(this.#offCount);
    this.#offCount = 0;
    this.#fit();
    const newest = Array.from({ length: count }, (_, age) => this.#at(age));
    const isStillOff = newest.every((at) => {
      const predictedMs = this.#predictAt(at);
      return side * (this.#window[at + msAt]! - predictedMs) > offShare * predictedMs;
    });
    if (isStillOff) this.#shift(newest);
  }

  /**
   * Moves what was learned before the newest passes by a constant, or by a factor where that fits
   * them better. A constant leaves the price of a row as it was, so that drafts are tried.
   */
  #shift(newest: readonly number[]): void {
    const window = this.#window;
    const moreMs = median(newest.map((at) => window[at + msAt]! - this.#predictAt(at)));
    const factor = median(newest.map((at) => window[at + msAt]! / this.#predictAt(at)));
    const errorOf = (move: (ms: number) => number): number =>
      newest.reduce((sum, at) => {
        const ms = window[at + msAt]!;
        return sum + Math.abs(move(this.#predictAt(at)) - ms) / Math.max(ms, leastMs);
      }, 0);
    const add = (ms: number): number => Math.max(leastMs, ms + moreMs);
    const scale = (ms: number): number => ms * factor;
    const move = errorOf(scale) < errorOf(add) - 1e-9 ? scale : add;
    for (let at = 0; at < this.#known * stride; at += stride) {
      if (newest.includes(at)) continue;
      window[at + msAt] = move(window[at + msAt]!);
      window[at + trustAt] = movedWeight;
    }
    this.#settledFrom = this.#passCount;
    this.#fit();
  }

  /** Place of a pass in the window. @param age 0: the newest. */
  #at(age: number): number {
    return ((this.#passCount - 1 - age) % windowLength) * stride;
  }

  #predictAt(at: number): number {
    const window = this.#window;
    return product(window.subarray(at, at + featureCount), this.#weights);
  }

  get #known(): number {
    return Math.min(this.#passCount, windowLength);
  }

  /** A plain mean at first, so that the first passes, on cold caches, soon lose their weight. */
  #countError(errorMs: number, ms: number): void {
    const step = Math.max(errorStep, 1 / (this.#passCount + 1));
    this.#absoluteMs += step * (errorMs - this.#absoluteMs);
    this.#meanMs += step * (ms - this.#meanMs);
  }

  /**
   * Least deviations by weighted least squares: each pass is weighted by the inverse of its error
   * under the previous line.
   */
  #fit(): void {
    const known = this.#known;
    for (let round = 0; round < reweightings; round++) {
      const normal = new Float64Array(featureCount ** 2);
      const target = new Float64Array(featureCount);
      for (let index = 0; index < known; index++) this.#addTo(normal, target, index);
      mirror(normal);
      solveNonNegative(normal, target, this.#weights);
    }
  }

  #ageWeight(index: number): number {
    const newest = (this.#passCount - 1) % windowLength;
    return ageWeights[(newest - index + windowLength) % windowLength]!;
  }

  /** Adds one pass to the upper half of the normal matrix. */
  #addTo(normal: Float64Array, target: Float64Array, index: number): void {
    const window = this.#window;
    const at = index * stride;
    const ms = window[at + msAt]!;
    const size = Math.max(ms, leastMs);
    let foretold = 0;
    for (let row = 0; row < featureCount; row++)
      foretold += window[at + row]! * this.#weights[row]!;
    const error = Math.abs(ms - foretold);
    const trust = this.#ageWeight(index) * window[at + trustAt]!;
    const weight = trust / (size * Math.max(error, precision * size));
    for (let row = 0; row < featureCount; row++) {
      const weighted = weight * window[at + row]!;
      target[row]! += weighted * ms;
      for (let column = row; column < featureCount; column++) {
        normal[row * featureCount + column]! += weighted * window[at + column]!;
      }
    }
  }
}

/** @param normal [5 x 5] symmetric, its upper half given. */
function mirror(normal: Float64Array): void {
  for (let row = 1; row < featureCount; row++) {
    for (let column = 0; column < row; column++) {
      normal[row * featureCount + column] = normal[column * featureCount + row]!;
    }
  }
}

/**
 * Minimises the quadratic form over weights >= 0, one weight after another.
 *
 * @param normal [5 x 5]
 * @param target [5]
 * @param weights [5] start values, and the result.
 */
function solveNonNegative(normal: Float64Array, target: Float64Array, weights: Float64Array): void {
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let isMoving = false;
    for (let row = 0; row < featureCount; row++) {
      const curvature = normal[row * featureCount + row]! * (1 + shrinkage[row]!);
      if (curvature === 0) continue;
      let rest = target[row]!;
      for (let column = 0; column < featureCount; column++) {
        if (column !== row) rest -= normal[row * featureCount + column]! * weights[column]!;
      }
      const weight = Math.max(0, rest / curvature);
      if (Math.abs(weight - weights[row]!) > settled * weight) isMoving = true;
      weights[row] = weight;
    }
    if (!isMoving) return;
  }
}

function product(features: Readonly<ArrayLike<number>>, weights: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < featureCount; at++) sum += features[at]! * weights[at]!;
  return sum;
}

function featuresOf({ tokenCount, rowCount, tokenContext }: PassShape): Features {
  return [
    scales[0],
    tokenCount > 1 ? scales[1] : 0,
    tokenCount * scales[2],
    rowCount * scales[3],
    tokenContext * scales[4],
  ];
}
