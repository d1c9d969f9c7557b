// Keeps what the server knows of the drafts of one session: how those of each source do, when its
// device's arrive, and what drafts may still cost it.

import type { DraftCounts, TestedChance } from '../draft-buffer.js';
import {
  ArrivalForecast,
  LossBudget,
  Patience,
  SourceAcceptance,
  TokenRate,
} from '../passes/speculation/index.js';
import type { InFlightSegment } from '../session-status.js';
import { ConfidenceTable } from './confidence-table.js';

/** Before anything is tested: between the best and the worst pairs of models in use. */
const guess = 0.65;
/** Weight of the newest pass in a rate. */
const rateStep = 1 / 16;

/** What a pass has decided of the drafts of a session, of any source, padding included. */
export interface Tested {
  readonly acceptedCount: number;
  /** The accepted ones and the first that fell, if one did. */
  readonly testedCount: number;
}

export class SessionDrafting {
  readonly device: SourceAcceptance;
  readonly model: SourceAcceptance;
  /** By the chances that the device tells of its drafts: what they mean is measured. */
  readonly told: ConfidenceTable;
  readonly arrivals: ArrivalForecast;
  /** Each answer has its own: what drafts may cost it does not depend on others. */
  readonly budget = new LossBudget();
  readonly patience = new Patience();
  readonly rate: TokenRate;
  /** Charged to the budget for each millisecond that the engine is held now. */
  holdShare = 0;
  /** Tokens that a recent pass has taken from the look-up, on average. */
  suffixGain = 0;
  #decided: DraftCounts = { acceptedCount: 0, rejectedCount: 0 };
  /** Drafts of the device that have stood since the last one that fell. */
  #deviceDepth = 0;
  #passEndMs: number | null = null;

  /**
   * @param windowMax tokens that its device may be ahead. @param passMs predicted, of a step.
   * @param past of an earlier answer over the same connection; null: there was none.
   * @param pastModel of an earlier answer for the same key; null: there was none.
   */
  constructor(
    windowMax: number,
    passMs: number,
    past: SessionDrafting | null = null,
    pastModel: SourceAcceptance | null = null,
  ) {
    this.device = past?.device.successor(guess) ?? new SourceAcceptance(guess);
    this.model = pastModel?.successor(guess) ?? new SourceAcceptance(guess);
    this.told = past?.told ?? new ConfidenceTable();
    this.arrivals = new ArrivalForecast(windowMax, past?.arrivals);
    this.rate = past?.rate.successor() ?? new TokenRate();
    this.budget.open(passMs);
  }

  /** The engine was held. */
  payHold(ms: number): void {
    this.budget.charge(ms * this.holdShare);
    this.holdShare = 0;
  }

  /**
   * Drafts of the device were tested, or compared with what was committed.
   *
   * @param tested those of which the device has told a chance.
   */
  decided(counts: DraftCounts, tested: readonly TestedChance[] = []): void {
    for (const { told, stood } of tested) this.told.learn(told, stood);
    const accepted = counts.acceptedCount - this.#decided.acceptedCount;
    const rejected = counts.rejectedCount - this.#decided.rejectedCount;
    this.#decided = counts;
    for (let count = 0; count < accepted; count++) this.device.add(this.#deviceDepth++, true);
    for (let count = 0; count < rejected; count++) this.device.add(this.#deviceDepth, false);
    if (rejected > 0) this.#deviceDepth = 0;
  }

  /**
   * A pass has judged drafts.
   *
   * @param counts of the device's drafts so far. @param told see `decided`.
   */
  tested(
    { draftCount, server }: InFlightSegment,
    { acceptedCount, testedCount: decidedCount }: Tested,
    counts: DraftCounts,
    told: readonly TestedChance[] = [],
  ): void {
    if (counts.acceptedCount + counts.rejectedCount === this.#decidedCount) this.device.rest();
    this.decided(counts, told);
    const testedCount = Math.min(decidedCount - draftCount, server.tokens.length);
    let isModelTested = false;
    for (let depth = 0; depth < testedCount; depth++) {
      if (server.sources[depth] !== 'model') continue;
      this.model.add(depth, draftCount + depth < acceptedCount);
      isModelTested = true;
    }
    if (!isModelTested) this.model.rest();
    const stood = server.sources.slice(0, Math.max(0, acceptedCount - draftCount));
    const found = stood.filter((source) => source === 'suffix').length;
    this.suffixGain += rateStep * (found - this.suffixGain);
  }

  /**
   * Chance of a draft of the device to stand, given those before.
   *
   * @param told by the device; null: nothing. @param depth drafts of it before, >= 0.
   */
  deviceChance(told: number | null, depth: number): number {
    return told === null ? this.device.rateAt(depth) : this.told.chanceOf(told);
  }

  get #decidedCount(): number {
    return this.#decided.acceptedCount + this.#decided.rejectedCount;
  }

  /**
   * A pass has committed tokens.
   *
   * @param stepMs what it would have taken if all sessions had only stepped.
   * @param addedMs by which drafts of any session have made it longer.
   */
  committed(tokenCount: number, stepMs: number, addedMs: number, nowMs: number): void {
    if (tokenCount > 0) {
      this.budget.committed(tokenCount, stepMs);
      this.patience.committed(tokenCount, stepMs, addedMs);
    }
    if (this.#passEndMs !== null) this.rate.add(tokenCount, nowMs - this.#passEndMs);
    this.#passEndMs = nowMs;
  }
}
