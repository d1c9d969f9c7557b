// Makes the times that devices are told coarse. A pass holds the tokens of other keys, and its
// exact time would tell how many, without the noise of a network. Devices plan with means of many
// passes, and need no more than this.

import type { PassTimes } from './session-status.js';

/** Up to four unusual ones of these change nothing. */
const medianOf = 9;
/** Steps for each doubling. */
const stepsPerOctave = 4;

/**
 * A time in steps of 19 %, down to the next: a device that believes a pass to be longer than it is
 * sends its drafts too late for it (4 % of a token's time in pipeline), and one that believes it to
 * be shorter only sends a few more messages.
 *
 * @param ms >= 0.
 */
export const coarse = (ms: number): number =>
  ms <= 0 ? 0 : 2 ** (Math.floor(Math.log2(ms) * stepsPerOctave) / stepsPerOctave);

/** The median of the newest samples, in coarse steps; computed when it is asked for. */
class RecentMedian {
  readonly #samples: number[] = [];
  #count = 0;
  #told: number | null = 0;

  add(ms: number): void {
    this.#samples[this.#count++ % medianOf] = ms;
    this.#told = null;
  }

  /** 0 before the first sample. */
  get told(): number {
    this.#told ??= coarse(this.#middle());
    return this.#told;
  }

  /** The lower one of two: the first passes of a server hold prompts. */
  #middle(): number {
    const sorted = this.#samples.toSorted((a, b) => a - b);
    return sorted[(sorted.length - 1) >> 1]!;
  }
}

export class ToldTimes {
  readonly #pass = new RecentMedian();
  readonly #queue = new RecentMedian();

  /** A pass has ended. @param ms >= 0. */
  addPass(ms: number): void {
    this.#pass.add(ms);
  }

  /** Drafts have waited for a pass. @param ms > 0. */
  addQueue(ms: number): void {
    this.#queue.add(ms);
  }

  /**
   * What a verdict says of its times: those that passes and waits have usually taken of late. 0
   * stays 0: no pass was made, or no draft has waited.
   */
  of({ queueMs, passMs }: PassTimes): PassTimes {
    return {
      queueMs: queueMs > 0 ? this.#queue.told : 0,
      passMs: passMs > 0 ? this.#pass.told : 0,
    };
  }
}
