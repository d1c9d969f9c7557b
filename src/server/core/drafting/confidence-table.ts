// Learns how often drafts stand by the draft model's own confidence. A confidence says little by
// itself: it is the draft model's probability, not the target's.

import { partOf } from '../../../engine/draft-loop.js';

/** Equal parts of [0, 1]. */
const partCount = 8;
/** Weight of the guess for a part, in tests. */
const priorTested = 8;
/** Tests that a part remembers. */
const memory = 256;

export class ConfidenceTable {
  readonly #accepted: Float64Array;
  readonly #tested = new Float64Array(partCount).fill(priorTested);

  constructor() {
    // A guess between the confidence and the rate of usual pairs.
    this.#accepted = Float64Array.from({ length: partCount }, (_, part) => {
      return priorTested * (0.35 + (0.6 * (part + 0.5)) / partCount);
    });
  }

  /** [8] chance to stand of a draft whose confidence is in each equal part of [0, 1]. */
  get chances(): readonly number[] {
    return Array.from(this.#accepted, (accepted, part) => accepted / this.#tested[part]!);
  }

  /** @param confidence in [0, 1]. */
  chanceOf(confidence: number): number {
    const part = partOf(confidence, partCount);
    return this.#accepted[part]! / this.#tested[part]!;
  }

  /** A draft was tested after all before it had stood. */
  learn(confidence: number, stood: boolean): void {
    const part = partOf(confidence, partCount);
    const tested = this.#tested[part]! + 1;
    const fade = Math.min(1, memory / tested);
    this.#tested[part] = tested * fade;
    this.#accepted[part] = (this.#accepted[part]! + (stood ? 1 : 0)) * fade;
  }
}
