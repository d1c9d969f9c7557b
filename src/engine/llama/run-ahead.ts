// The owner's side of a run of passes that are computed ahead: asks for each as the text goes on,
// and matches it with the result, whichever comes first.

import type { PilotfishError } from '../../base/error.js';
import type { PassResult, Segment } from '../engine.js';
import { isSameSegment, segmentsAfter } from '../pass-ahead.js';
import type { AskFlags } from './ask-flags.js';

/** A step that was asked for and has not come. */
interface Waiting {
  readonly segments: readonly Segment[];
  readonly continues: boolean;
  readonly resolve: (result: PassResult | null) => void;
  readonly reject: (reason: PilotfishError) => void;
}

export interface RunParts {
  readonly flags: AskFlags;
  readonly endOfText: ReadonlySet<number>;
  /** Most steps of the run. */
  readonly stepCount: number;
  /** Wakes the thread, which has gone back to its messages. */
  readonly wake: () => void;
}

export class RunAhead {
  /** Of the pass that began it. */
  readonly id: number;
  readonly #parts: RunParts;
  #step = 1;
  /** What the step computes; empty: there is none. */
  #expected: readonly Segment[];
  /** Of the step and those after it, as far as they have come. */
  readonly #results: (PassResult | null)[] = [];
  #waiting: Waiting | null = null;
  #isOver = false;

  /** @param segments of the pass that began it, and its result. */
  constructor(id: number, segments: readonly Segment[], result: PassResult, parts: RunParts) {
    this.id = id;
    this.#parts = parts;
    this.#expected = segmentsAfter(segments, result.outcomes, parts.endOfText);
  }

  /**
   * Asks for the step, if it computes just these segments.
   *
   * @returns null where it does not; else a promise of the result, or of null where the step has
   *   failed and the segments have to be asked for by a pass.
   */
  ask(segments: readonly Segment[], continues: boolean): Promise<PassResult | null> | null {
    const { length } = this.#expected;
    const isExpected =
      length > 0 && length === segments.length && segments.every((segment) => this.#has(segment));
    if (!isExpected || this.#isOver || this.#waiting !== null) return null;
    if (this.#results[0] === null) return null;
    if (this.#parts.flags.ask(this.id, this.#step, continues)) this.#parts.wake();
    return new Promise((resolve, reject) => {
      this.#waiting = { segments, continues, resolve, reject };
      this.#settle();
    });
  }

  #has(segment: Segment): boolean {
    const expected = this.#expected.find(({ slot }) => slot === segment.slot);
    return expected !== undefined && isSameSegment(expected, segment);
  }

  /** A step has come. @param result null: it has failed. */
  arrived(step: number, result: PassResult | null): void {
    if (step !== this.#step + this.#results.length) return;
    this.#results.push(result);
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === null || this.#results.length === 0) return;
    const result = this.#results.shift()!;
    this.#waiting = null;
    if (result === null) {
      this.end();
      waiting.resolve(null);
      return;
    }
    const { segments, continues, resolve } = waiting;
    const bySlot = new Map(result.outcomes.map((outcome) => [outcome.slot, outcome]));
    const outcomes = segments.map(({ slot }) => bySlot.get(slot)!);
    this.#step++;
    const goesOn = continues && this.#step <= this.#parts.stepCount;
    this.#expected = goesOn ? segmentsAfter(segments, outcomes, this.#parts.endOfText) : [];
    resolve({ ...result, outcomes });
  }

  /** The thread is gone. */
  fail(error: PilotfishError): void {
    this.end();
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  /**
   * Asks for no more, since the thread was told something else. A step that was asked for still
   * comes.
   */
  end(): void {
    this.#isOver = true;
  }
}
