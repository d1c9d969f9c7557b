// What a device has measured of one session: times of drafting, of passes and of the way to the server and back, and
// how often drafts stand. Feeds the draft length, the moment to send, and the question whether drafting pays.

import { raceTokenMsMin } from '../../../math/round-time.js';
import { AcceptanceEstimate, ForgettingMean } from '../estimate.js';
import type { DraftPassTimes } from './draft-pass-times.js';

/** Tokens, verdicts and pongs that an estimate remembers. */
const memory = 16;
const acceptanceMemory = 64;
/** Between the best and the worst rates of model pairs in use. */
const acceptanceGuess = 0.6;

export class Timings {
  /** Milliseconds from one drafted token to the next, of one sequence alone. */
  readonly draft = new ForgettingMean(memory);
  /** One pass, as verdicts tell or as their distance shows. */
  readonly pass = new ForgettingMean(memory);
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

  /** What a round costs, or null before all parts were measured. */
  get roundTimes(): {
    readonly draftMs: number;
    readonly verifyMs: number;
    readonly roundTripMs: number;
  } | null {
    const { mean: draftMs } = this.draft;
    const { mean: passMs } = this.pass;
    const { mean: roundTripMs } = this.roundTrip;
    if (draftMs === null || passMs === null || roundTripMs === null) return null;
    // Of a pass that the clock could not see, nothing would be left to divide by.
    const verifyMs = Math.max(passMs + (this.queue.mean ?? 0), 1e-3);
    return { draftMs, verifyMs, roundTripMs };
  }

  /** Time per token of race over time per token of the server alone, in (0, 1]; null before all was measured. */
  get raceShare(): number | null {
    const times = this.roundTimes;
    if (times === null) return null;
    const passMs = Math.max(this.pass.mean!, 1e-3);
    return raceTokenMsMin({ ...times, verifyMs: passMs }, this.acceptanceRate) / passMs;
  }
}
