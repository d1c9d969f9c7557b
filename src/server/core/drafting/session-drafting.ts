// Keeps what the server knows of the drafts of one session: how those of each source do, when its
// device's arrive, and what drafts may still cost it.

import {
  ArrivalForecast,
  LossBudget,
  SourceAcceptance,
  TokenRate,
} from '../passes/speculation/index.js';
import type { InFlightSegment } from '../session-status.js';

/** Before anything is tested: between the best and the worst pairs of models in use. */
const guess = 0.65;

export class SessionDrafting {
  readonly device = new SourceAcceptance(guess);
  readonly model = new SourceAcceptance(guess);
  readonly arrivals: ArrivalForecast;
  readonly budget = new LossBudget();
  readonly rate = new TokenRate();
  /** Charged to the budget for each millisecond that the engine is held now. */
  holdShare = 0;
  #passEndMs: number | null = null;

  /** @param windowMax tokens that its device may be ahead. */
  constructor(windowMax: number) {
    this.arrivals = new ArrivalForecast(windowMax);
  }

  /** The engine was held. */
  payHold(ms: number): void {
    if (this.holdShare > 0) this.budget.charge(ms * this.holdShare);
    this.holdShare = 0;
  }

  /** A pass has judged drafts. @param acceptedCount of all that it tested, padding included. */
  tested({ draftCount, server }: InFlightSegment, acceptedCount: number): void {
    const testedCount = Math.min(acceptedCount + 1, draftCount + server.tokens.length);
    for (let index = 0; index < testedCount; index++) {
      const isAccepted = index < acceptedCount;
      const depth = index - draftCount;
      if (depth < 0) this.device.add(index, isAccepted);
      else if (server.sources[depth] === 'model') this.model.add(depth, isAccepted);
    }
  }

  /**
   * A pass has committed tokens.
   *
   * @param stepMs what it would have taken if all sessions had only stepped.
   */
  committed(tokenCount: number, stepMs: number, nowMs: number): void {
    if (tokenCount > 0) this.budget.committed(tokenCount, stepMs);
    if (this.#passEndMs !== null) this.rate.add(tokenCount, nowMs - this.#passEndMs);
    this.#passEndMs = nowMs;
  }
}
