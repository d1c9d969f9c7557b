// Learns how often drafts stand by the draft model's own confidence. A confidence says little by
// itself: it is the draft model's probability, not the target's. Confidences that are rarely tested
// are judged by a straight line through the others, or bad luck would rule them out for good.

import { partOf } from '../../../engine/draft-loop.js';

/** Equal parts of [0, 1]. */
const partCount = 8;
/** Weight of the line in the chance of a part, in tests. */
const lineTests = 8;
/** Tests after which one has faded to 37 %: of the line, and of a part. */
const lineKeep = Math.exp(-1 / 256);
const partKeep = Math.exp(-1 / 1024);
/** A guess between the confidence and the rate of usual pairs, and its weight in tests. */
const guessed = { base: 0.35, slope: 0.6 };
const guessTests = 24;
const chanceMin = 0.02;

const middleOf = (part: number): number => (part + 0.5) / partCount;

export class ConfidenceTable {
  readonly #accepted = new Float64Array(partCount);
  readonly #tested = new Float64Array(partCount);
  /** Sums over tests for the line: confidences x against results y. */
  #sums = { count: 0, x: 0, y: 0, xx: 0, xy: 0 };
  #chances: readonly number[] | null = null;

  /** [8] chance to stand of a draft whose confidence is in each equal part of [0, 1]. */
  get chances(): readonly number[] {
    this.#chances ??= this.#fitted();
    return this.#chances;
  }

  /** @param confidence in [0, 1]. */
  chanceOf(confidence: number): number {
    return this.chances[partOf(confidence, partCount)]!;
  }

  /** A draft was tested after all before it had stood. */
  learn(confidence: number, stood: boolean): void {
    const part = partOf(confidence, partCount);
    for (let one = 0; one < partCount; one++) {
      this.#accepted[one]! *= partKeep;
      this.#tested[one]! *= partKeep;
    }
    const [x, y] = [middleOf(part), stood ? 1 : 0];
    this.#accepted[part]! += y;
    this.#tested[part]! += 1;
    const { count, x: sumX, y: sumY, xx, xy } = this.#sums;
    this.#sums = {
      count: count * lineKeep + 1,
      x: sumX * lineKeep + x,
      y: sumY * lineKeep + y,
      xx: xx * lineKeep + x * x,
      xy: xy * lineKeep + x * y,
    };
    this.#chances = null;
  }

  #fitted(): number[] {
    const { base, slope } = this.#line();
    return Array.from(this.#accepted, (accepted, part) => {
      const onLine = Math.min(1 - chanceMin, Math.max(chanceMin, base + slope * middleOf(part)));
      return (accepted + lineTests * onLine) / (this.#tested[part]! + lineTests);
    });
  }

  /** Least squares over the tests and over the guess at every part. */
  #line(): { readonly base: number; readonly slope: number } {
    let { count, x: sumX, y: sumY, xx, xy } = this.#sums;
    const weight = guessTests / partCount;
    for (let part = 0; part < partCount; part++) {
      const x = middleOf(part);
      const y = guessed.base + guessed.slope * x;
      count += weight;
      sumX += weight * x;
      sumY += weight * y;
      xx += weight * x * x;
      xy += weight * x * y;
    }
    const slope = (count * xy - sumX * sumY) / (count * xx - sumX * sumX);
    return { base: (sumY - slope * sumX) / count, slope };
  }
}
