// Implements RowMath in WebAssembly SIMD. The kernel narrows a row to the few candidate tokens,
// with proven margins; the functions of src/math decide among them in float64. Cases that a margin
// cannot decide go to the reference, so all answers equal the reference's. Holds one row; not
// shared between threads.

import { assert } from '../../base/assert.js';
import { coupledRanking, coupledToken } from '../../math/coupled.js';
import type { TokenCounts } from '../../math/history.js';
import { type DenseLaw, type Law, pointLaw, probOf, type SparseLaw } from '../../math/law.js';
import type { NoiseKey } from '../../math/noise.js';
import { isFiltered, type Sampling } from '../../math/sampling.js';
import { sumOf } from '../../math/sum.js';
import type { TokenMask } from '../../math/token-mask.js';
import { hasDenseLaw, type RowMath, referenceOver, referenceRowMath } from '../row-math.js';
import { canRun, type KernelExports, kernelBytes, startKernel } from './instance.js';
import { type KernelLayout, layoutOf } from './layout.js';
import { keptCount, prefixLaw, type Ranked, rankedWeights } from './ranked-law.js';

/** Units added to the float32 bound of a race: a winner needs 307, see tools/kernel/race.ts. */
export const raceMargin = 512;
/** Longest ranking that the kernel narrows. */
const rankingMax = 64;
/** Below this the float32 scale of a race overflows. */
const temperatureMin = 1e-30;
/** Error bound of the kernel's sum of weights: 2^20 / 8 terms per partial sum, 2^-53 each. */
const totalDoubt = 2e-11;
/** Number of likeliest tokens searched first for a nucleus; then eight times as many. */
const firstRankCount = 64;
/** Sparse laws longer than this run their race in the kernel. */
const shortLawMax = 256;
/**
 * Rankings that reach lower weights go to the reference. Weights below 2^-1022 lose precision, and
 * noise can raise such a token by at most exp(36.8 + 3.7), which stays below this weight.
 */
const preciseWeightMin = 1e-260;
const lowestFinite = -3.4028234663852886e38;

/**
 * The fastest RowMath this platform runs: the kernel, or the reference where WebAssembly has no
 * SIMD; `implementation` tells which. Allocates its memory once, about 29 bytes a token.
 *
 * @param vocabSize in [1, 2^20].
 */
export function createKernel(vocabSize: number): RowMath {
  const bytes = kernelBytes();
  return canRun(bytes)
    ? createKernelFrom(bytes, vocabSize, raceMargin)
    : referenceRowMath(vocabSize);
}

/**
 * `createKernel` from given code and margin, so that tests can show that wrong ones are detected.
 */
export function createKernelFrom(bytes: Uint8Array, vocabSize: number, margin: number): RowMath {
  assert(vocabSize >= 1 && vocabSize <= 2 ** 20, `vocabulary of ${vocabSize} is outside [1, 2^20]`);
  return new KernelRowMath(bytes, vocabSize, margin);
}

class KernelRowMath implements RowMath {
  readonly implementation = 'simd';
  readonly vocabSize: number;
  readonly #margin: number;
  readonly #layout: KernelLayout;
  readonly #kernel: KernelExports;
  /** [vocab], views of the kernel's memory. */
  readonly #row: Float32Array;
  readonly #weights: Float64Array;
  readonly #words: Int32Array;
  /** Answers about the same row. */
  readonly #reference: RowMath;
  #largest = -Infinity;

  constructor(bytes: Uint8Array, vocabSize: number, margin: number) {
    this.vocabSize = vocabSize;
    this.#margin = margin;
    this.#layout = layoutOf(vocabSize);
    const { exports, buffer } = startKernel(bytes, this.#layout.pageCount);
    this.#kernel = exports;
    new Float32Array(buffer, this.#layout.row, this.#layout.paddedSize).fill(-Infinity);
    this.#row = new Float32Array(buffer, this.#layout.row, vocabSize);
    this.#weights = new Float64Array(buffer, this.#layout.weights, vocabSize);
    this.#words = new Int32Array(buffer);
    this.#reference = referenceOver(this.#row);
  }

  load(
    logits: Float32Array,
    sampling: Sampling,
    history: TokenCounts | null,
    mask: TokenMask | null,
  ): void {
    this.#reference.load(logits, sampling, history, mask);
    const { row, paddedSize, maxima } = this.#layout;
    this.#largest = this.#kernel.scan(row, paddedSize, maxima);
  }

  argmax(): number {
    if (this.#largest === -Infinity) return this.#reference.argmax();
    const { row, paddedSize, maxima } = this.#layout;
    return this.#kernel.firstIndexOf(this.#largest, row, paddedSize, maxima);
  }

  logit(token: number): number {
    return this.#row[token]!;
  }

  coupledToken(sampling: Sampling, key: NoiseKey, position: number): number {
    if (sampling.temperature === 0) return this.argmax();
    if (!this.#canRace(sampling)) return this.#reference.coupledToken(sampling, key, position);
    if (isFiltered(sampling)) return this.#raceLaw(sampling, key, position);
    const near = this.#race(sampling, key, position, 1);
    return near.length === 1
      ? near[0]!
      : coupledToken(this.#weighed(near, sampling), key, position);
  }

  coupledRanking(sampling: Sampling, key: NoiseKey, position: number, count: number): Int32Array {
    if (!hasDenseLaw(sampling) && this.#isOrdinary) {
      return coupledRanking(this.law(sampling), key, position, count);
    }
    if (this.#canRace(sampling) && count <= rankingMax) {
      const near = this.#weighed(this.#race(sampling, key, position, count), sampling);
      const isPrecise = near.probs.every((weight) => weight > preciseWeightMin);
      if (isPrecise) return coupledRanking(near, key, position, count);
    }
    return this.#reference.coupledRanking(sampling, key, position, count);
  }

  law(sampling: Sampling): Law {
    if (!this.#isOrdinary) return this.#reference.law(sampling);
    if (sampling.temperature === 0) return pointLaw(this.argmax());
    if (!isFiltered(sampling)) return this.#denseLaw(sampling.temperature);
    return sampling.topK > 0 ? this.#topKLaw(sampling) : this.#nucleusLaw(sampling);
  }

  softmaxProb(token: number): number {
    if (!this.#isOrdinary) return this.#reference.softmaxProb(token);
    const total = this.#weigh(1);
    return this.#weights[token]! / total;
  }

  /**
   * False for a row without a token, or with logits of +Infinity: these rare rows go to the
   * reference.
   */
  get #isOrdinary(): boolean {
    return Number.isFinite(this.#largest);
  }

  #canRace(sampling: Sampling): boolean {
    return this.#isOrdinary && sampling.temperature >= temperatureMin;
  }

  /** Fills the weights of the row and returns their sum. */
  #weigh(temperature: number): number {
    const { row, paddedSize, weights, buckets } = this.#layout;
    return this.#kernel.weigh(row, paddedSize, this.#largest, temperature, weights, buckets);
  }

  #denseLaw(temperature: number): DenseLaw {
    const total = this.#weigh(temperature);
    this.#kernel.divide(this.#layout.weights, this.#layout.paddedSize, total);
    return { kind: 'dense', probs: this.#weights.slice() };
  }

  #topKLaw(sampling: Sampling): SparseLaw {
    // If top-p takes a share of the k, min-p must not shorten them first.
    const bound = sampling.topP < 1 ? lowestFinite : this.#minPBound(sampling);
    const ranked = this.#rank(sampling.topK, bound, sampling.temperature);
    return prefixLaw(ranked, keptCount(ranked, sampling, sumOf(ranked.weights), 0)!);
  }

  #nucleusLaw(sampling: Sampling): Law {
    const { temperature, topP } = sampling;
    const total = topP < 1 ? this.#weigh(temperature) : 1;
    const bound = this.#minPBound(sampling);
    for (let countMax = topP < 1 ? firstRankCount : Infinity; ; countMax *= 8) {
      const ranked = this.#rank(countMax, bound, temperature);
      const kept = keptCount(ranked, sampling, total, totalDoubt);
      if (kept === null) return this.#reference.law(sampling);
      const { length } = ranked.ids;
      if (kept < length || length < countMax) return prefixLaw(ranked, kept);
    }
  }

  /** Lower bound for the logits that min-p keeps: slightly below the largest plus ln(minP). */
  #minPBound({ minP, temperature }: Sampling): number {
    const exact = this.#largest + temperature * (Math.log(minP) - 1e-9);
    const lowered = exact - (Math.abs(this.#largest) + Math.abs(exact)) * 2 ** -22;
    return Math.max(lowestFinite, Math.fround(lowered));
  }

  /**
   * The likeliest `countMax` of the tokens with a logit >= bound; all of them if there are fewer.
   */
  #rank(countMax: number, bound: number, temperature: number): Ranked {
    const { row, paddedSize, scratch, spare, buckets } = this.#layout;
    const reach = Math.max(bound, this.#boundOf(countMax));
    const count = this.#kernel.gather(row, paddedSize, reach, scratch);
    const sorted = this.#kernel.sort(scratch, spare, count, buckets) / 4;
    const ids = new Int32Array(Math.min(count, countMax));
    for (let rank = 0; rank < ids.length; rank++) ids[rank] = this.#words[sorted + 2 * rank]!;
    return rankedWeights(ids, this.#row, this.#largest, temperature);
  }

  /** A logit reached by the `countMax` likeliest tokens and few others. */
  #boundOf(countMax: number): number {
    const { row, maxima, paddedSize, blockCount } = this.#layout;
    if (countMax >= this.vocabSize) return lowestFinite;
    // The k-th largest block maximum is a bound too and takes a 32nd of the time, but it is loose
    // if k is close to the number of blocks.
    const bound =
      countMax <= blockCount / 2
        ? this.#kernel.kthLargest(maxima, blockCount, this.#largest, countMax)
        : this.#kernel.kthLargest(row, paddedSize, this.#largest, countMax);
    return Math.max(lowestFinite, bound);
  }

  /**
   * Tokens that can be among the first `wanted` of a race. The race has the tokens with a logit
   * above `floor`, and those at `floor` up to id `last`.
   */
  #race(
    { temperature }: Sampling,
    key: NoiseKey,
    position: number,
    wanted: number,
    floor = -Infinity,
    last = this.vocabSize,
  ): Int32Array {
    const { row, paddedSize, scratch } = this.#layout;
    this.#kernel.setNoise(key.low, key.high, position);
    this.#kernel.setField(floor, last);
    const count = this.#kernel.race(
      row,
      paddedSize,
      this.argmax(),
      temperature,
      wanted,
      this.#margin,
      scratch,
    );
    return this.#words.slice(scratch / 4, scratch / 4 + count);
  }

  /** A race under a filtered law: short laws run it directly, long ones are narrowed first. */
  #raceLaw(sampling: Sampling, key: NoiseKey, position: number): number {
    const law = this.law(sampling);
    if (law.kind === 'dense' || law.ids.length <= shortLawMax) {
      return coupledToken(law, key, position);
    }
    // A filter keeps a prefix of the falling order, so its last token determines the participants.
    const { floor, last } = lastRanked(law.ids, this.#row);
    const ids = this.#race(sampling, key, position, 1, floor, last);
    const probs = Float64Array.from(ids, (id) => probOf(law, id));
    return coupledToken({ kind: 'sparse', ids, probs }, key, position);
  }

  /**
   * The participants of a race, with weights instead of probabilities: a common factor does not
   * change the winner.
   */
  #weighed(ids: Int32Array, { temperature }: Sampling): SparseLaw {
    const { weights } = rankedWeights(ids, this.#row, this.#largest, temperature);
    return { kind: 'sparse', ids, probs: weights };
  }
}

/** The last of some tokens in falling order of their logits, ties by rising id. */
function lastRanked(ids: Int32Array, row: Float32Array): { floor: number; last: number } {
  let floor = Infinity;
  let last = -1;
  for (const id of ids) {
    const logit = row[id]!;
    if (logit < floor || (logit === floor && id > last)) {
      floor = logit;
      last = id;
    }
  }
  return { floor, last };
}
