// Decides whether the engine may compute the next passes before they are asked for, and whether
// drafts that turn up meanwhile are worth throwing those away.

import type { PassShape } from '../../../math/pass-time.js';
import type { Predict } from '../passes/batch.js';
import { withRows } from '../passes/speculation/index.js';
import { isAheadBetter, isLookDue, isWorthALead, TimeBetween } from './ahead-rule.js';

/** Rounds without the draft model after which passes may be computed ahead. */
const restRounds = 16;

export class PassesAhead {
  readonly #between = new TimeBetween();
  /** The pass in flight, had all its sessions only stepped. */
  #stepShape: PassShape = { tokenCount: 1, rowCount: 1, tokenContext: 0 };
  #stepMs = 0;
  #predict: Predict = () => 0;
  #isAhead = false;
  /** Since the draft model has drafted. */
  #roundsWithout = 0;

  /** Predicted milliseconds of the pass in flight, had all its sessions only stepped. */
  get stepMs(): number {
    return this.#stepMs;
  }

  /** Whether the draft model has not drafted for long. */
  get isModelAtRest(): boolean {
    return this.#roundsWithout > restRounds;
  }

  /** @param step the pass, had all its sessions only stepped. */
  passStarted(step: PassShape, isAhead: boolean, predict: Predict, nowMs: number): void {
    this.#between.passStarted(isAhead, nowMs);
    this.#roundsWithout++;
    this.#isAhead = isAhead;
    this.#stepShape = step;
    this.#stepMs = predict(step);
    this.#predict = predict;
  }

  /** A pass has ended well. @param isMore whether sessions wait for one. */
  passEnded(passMs: number, isMore: boolean, nowMs: number): void {
    this.#between.passEnded(passMs, isMore, nowMs);
  }

  /** The engine waits for drafts of a device. */
  held(): void {
    this.#between.held();
  }

  /** The draft model drafts before the next pass. */
  drafts(): void {
    this.#between.held();
    this.#roundsWithout = 0;
  }

  /** @param gains as for isAheadBetter. */
  isBetter(gains: readonly number[]): boolean {
    return isAheadBetter(gains, this.#stepMs, this.#between.ms);
  }

  /** Whether to look drafts up now. @param turn tokens so far, of any start. */
  isLookDue(turn: number): boolean {
    return !this.#isAhead || isLookDue(turn);
  }

  /** Whether drafts that were looked up may be tested. @param chances as for isWorthALead. */
  mayTest(chances: readonly (readonly number[])[]): boolean {
    if (!this.#isAhead || chances.length === 0) return true;
    const stepMs = this.#predict(this.#stepShape);
    const addedMs = this.#predict(withRows(this.#stepShape, chances.flat().length)) - stepMs;
    return isWorthALead(chances, stepMs, addedMs);
  }
}
