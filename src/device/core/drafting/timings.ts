// Keeps the measurements of one session: times of drafting, of passes and of the round trip, and
// how often drafts are accepted. They set the draft length, the time to send, and whether drafting
// pays.

import { type RoundTimes, raceTokenMsMin } from '../../../math/round-time.js';
import { AcceptanceEstimate, ForgettingMean, type MeanView } from '../estimate.js';
import type { DraftPassTimes } from './draft-pass-times.js';

/** Tokens, verdicts and pongs that an estimate remembers. */
const memory = 16;
const acceptanceMemory = 64;
/** Between the best and the worst rates of model pairs in use. */
const acceptanceGuess = 0.6;

/** Measurements as planners read them. */
export interface TimingsView {
  readonly draft: MeanView;
  readonly pass: MeanView;
  readonly verify: MeanView;
  readonly queue: MeanView;
  readonly roundTrip: MeanView;
  readonly draftPass: Pick<DraftPassTimes, 'cost'>;
  readonly acceptanceRate: number;
  readonly roundTimes: RoundTimes | null;
}

export class Timings implements TimingsView {
  /** Milliseconds from one drafted token to the next, of one sequence alone. */
  readonly draft = new ForgettingMean(memory);
  /** One pass, as verdicts tell or as their distance shows. */
  readonly pass = new ForgettingMean(memory);
  /** The server's own measure of a pass: nothing that it waited for is in it. */
  readonly verify = new ForgettingMean(memory);
  readonly queue = new ForgettingMean(memory);
  /** Of the connection, shared by its sessions. */
  readonly roundTrip: ForgettingMean;
  /** Of the draft model, shared by all that draft with it. */
  readonly draftPass: DraftPassTimes;
  readonly #acceptance = new AcceptanceEstimate(acceptanceMemory, acceptanceGuess);

  constructor(roundTrip: ForgettingMean, draftPass: DraftPassTimes) {
    this.roundTrip = roundTrip;
    this.draftPass = draftPass;
  }

  /** A pass of the draft model. @param rowCount >= 1. */
  addDraftPass(rowCount: number, ms: number): void {
    this.draftPass.add(rowCount, ms);
    if (rowCount === 1) this.draft.add(ms);
  }

  addTests(acceptedCount: number, rejectedCount: number): void {
    this.#acceptance.add(acceptedCount, rejectedCount);
  }

  /** In [0, 1]; a guess at first. */
  get acceptanceRate(): number {
    return this.#acceptance.rate;
  }

  /** Null before all parts were measured. */
  get roundTimes(): RoundTimes | null {
    const { mean: draftMs } = this.draft;
    const { mean: passMs } = this.pass;
    const { mean: roundTripMs } = this.roundTrip;
    if (draftMs === null || passMs === null || roundTripMs === null) return null;
    // A pass too short for the clock would be a division by zero.
    const verifyMs = Math.max(passMs + (this.queue.mean ?? 0), 1e-3);
    return { draftMs, verifyMs, roundTripMs };
  }

  /** How often one of the times has left its usual range for good. */
  get shiftCount(): number {
    return this.draft.shiftCount + this.pass.shiftCount + this.roundTrip.shiftCount;
  }

  /** Time per token of race over that of the server alone, in (0, 1]; null: not measured. */
  get raceShare(): number | null {
    const times = this.roundTimes;
    if (times === null) return null;
    const passMs = Math.max(this.pass.mean!, 1e-3);
    return raceTokenMsMin({ ...times, verifyMs: passMs }, this.acceptanceRate) / passMs;
  }
}
