// Compares rounds in which the server's draft model drafts with plain ones, by their measured
// times. The planner's prices miss what two models cost each other: caches, cores, messages. Where
// drafts cost more than they bring, the model rests, and is tried again now and then. Knows no
// clock.

import type { PassShape } from '../../../math/pass-time.js';
import type { Session } from '../session.js';

/** What a round's pass was. */
export interface RoundPass {
  readonly sessionCount: number;
  /** Predicted milliseconds of the pass if all its sessions only stepped. */
  readonly stepMs: number;
  /** Whether it tests no draft and follows no hold. */
  readonly isPlain: boolean;
}

/**
 * The pass of a round that can be compared: of sessions of the planner, past their prompts.
 *
 * @param stepMs as in RoundPass. @param isLonger whether holds or drafts have made it longer.
 * @returns null: it cannot.
 */
export function roundPassOf(
  sessions: readonly Session[],
  { tokenCount, rowCount }: PassShape,
  stepMs: number,
  isLonger: boolean,
): RoundPass | null {
  const isAuto = sessions.every(({ terms: { mode } }) => mode === 'auto');
  if (!isAuto || tokenCount !== rowCount) return null;
  const isPlain = !isLonger && rowCount === sessions.length;
  return { sessionCount: sessions.length, stepMs, isPlain };
}

interface Round extends RoundPass {
  readonly isDrafted: boolean;
  readonly sinceMs: number;
  tokenCount: number;
  endMs: number;
}

/** Rounds after which one has faded to 37 %. */
const memoryRounds = 128;
/** Drafted rounds that are needed for a judgement. */
const draftedMin = 16;
/** Plain rounds that the predicted times count for. */
const predictedCount = 2;
/** Drafted rounds may be so much slower than plain ones, beside the error of the measurement. */
const slowerMax = 0.01;
/** No price is so far off: where drafted rounds seem to gain this much, none is left out. */
const clearGain = 1.3;
/** Rounds until the other kind is tried, at first and at most. */
const trialAfterFirst = 16;
const trialAfterMax = 256;
/** Drafted rounds of a trial. */
const trialRounds = 8;

/** Speed of one kind of rounds, relative to predicted steps, with forgetting. */
class RoundSpeed {
  /** Sums over rounds: of time earned and taken, and of their products. */
  #earned = 0;
  #taken = 0;
  #squares = { earned: 0, both: 0, taken: 0 };
  count = 0;

  /** @param earned ms that steps are predicted to take for the same tokens. @param taken ms. */
  add(earned: number, taken: number): void {
    const keep = Math.exp(-1 / memoryRounds);
    this.#earned = keep * this.#earned + earned;
    this.#taken = keep * this.#taken + taken;
    this.#squares = {
      earned: keep * this.#squares.earned + earned * earned,
      both: keep * this.#squares.both + earned * taken,
      taken: keep * this.#squares.taken + taken * taken,
    };
    this.count = keep * this.count + 1;
  }

  /** 1: as fast as predicted steps. @param predicted rounds that were so, beside the measured. */
  ratio(predicted: number): number {
    if (this.count === 0) return 1;
    const extra = (predicted * this.#earned) / this.count;
    return (this.#earned + extra) / (this.#taken + extra);
  }

  /** Standard error of the ratio: some rounds accept more drafts than others. */
  get error(): number {
    const ratio = this.ratio(0);
    const { earned, both, taken } = this.#squares;
    const squares = earned - 2 * ratio * both + ratio * ratio * taken;
    return Math.sqrt(Math.max(0, squares)) / this.#taken;
  }
}

export class StageTrial {
  readonly #plain = new RoundSpeed();
  readonly #drafted = new RoundSpeed();
  #sinceMs: number | null = null;
  #isDrafted = false;
  #round: Round | null = null;
  #isResting = false;
  #roundsSinceTrial = 0;
  #trialAfter = trialAfterFirst;
  #trialLeft = 0;

  /** Whether the draft model may draft in the round that is planned. */
  get mayDraft(): boolean {
    return this.#isTrial === this.#isResting;
  }

  get #isTrial(): boolean {
    return this.#trialLeft > 0;
  }

  /** Speed with the draft model over that of steps; null: not known yet. */
  get gain(): number | null {
    if (this.#drafted.count < draftedMin) return null;
    return this.#drafted.ratio(0) / this.#plain.ratio(predictedCount);
  }

  /** The target is free. @param hasWork a round begins, unless it has. */
  planning(hasWork: boolean, nowMs: number): void {
    this.#settle();
    if (hasWork) this.#sinceMs ??= nowMs;
    else this.#sinceMs = null;
  }

  /** The draft model drafts in this round. */
  drafts(): void {
    this.#isDrafted = true;
  }

  /** @param pass null: of a round that tells nothing, of prompts for instance. */
  passStarted(pass: RoundPass | null): void {
    const isDrafted = this.#isDrafted;
    const sinceMs = this.#sinceMs;
    this.#isDrafted = false;
    this.#sinceMs = null;
    if (pass === null || sinceMs === null) return;
    this.#round = { ...pass, isDrafted, sinceMs, tokenCount: 0, endMs: sinceMs };
  }

  /** The pass has committed tokens of one of its sessions. */
  committed(tokenCount: number, nowMs: number): void {
    if (this.#round === null) return;
    this.#round.tokenCount += tokenCount;
    this.#round.endMs = nowMs;
  }

  #settle(): void {
    const round = this.#round;
    if (round === null) return;
    this.#round = null;
    const { sessionCount, stepMs, tokenCount, isDrafted, isPlain, sinceMs, endMs } = round;
    const [earnedMs, ms] = [(tokenCount / sessionCount) * stepMs, endMs - sinceMs];
    if (earnedMs === 0 || ms <= 0) return;
    if (isDrafted) this.#drafted.add(earnedMs, ms);
    else if (isPlain) this.#plain.add(earnedMs, ms);
    // Rounds of the kind that is not in use also come by themselves: as good as a trial.
    this.#next(this.#isResting ? isDrafted : isPlain && !isDrafted);
  }

  /** Judges, and tries the other kind when it is due. */
  #next(isOther: boolean): void {
    if (this.#trialLeft > 0) this.#trialLeft--;
    else this.#roundsSinceTrial = isOther ? 0 : this.#roundsSinceTrial + 1;
    if (this.#trialLeft > 0) return;
    this.#judge();
    if (this.#roundsSinceTrial < this.#trialAfter) return;
    if (!this.#isResting && !this.#isDoubtful) return;
    this.#roundsSinceTrial = 0;
    this.#trialAfter = Math.min(2 * this.#trialAfter, trialAfterMax);
    this.#trialLeft = this.#isResting ? trialRounds : 1;
  }

  get #isDoubtful(): boolean {
    return this.#drafted.count >= draftedMin && this.#drafted.ratio(0) < clearGain;
  }

  #judge(): void {
    const { gain } = this;
    const isResting = gain !== null && gain + this.#drafted.error < 1 - slowerMax;
    if (isResting === this.#isResting) return;
    this.#isResting = isResting;
    this.#roundsSinceTrial = 0;
    this.#trialAfter = trialAfterFirst;
  }
}
