// Bounds what drafts can cost a session against streaming, however wrong the estimates are. Holds,
// stages of the draft model and rows are charged; each token beyond the first of a pass saves a
// pass. A session that has spent its budget steps, and each pass lets it try a little. Pure.

/** Passes that a session may lose before drafts have earned any. */
const openingPasses = 3;
/** Time that may be lost for good: streaming is at most this share faster over a long answer. */
const lossShare = 0.015;
/** Passes saved that later losses may use up: beyond it, a device is trusted no further. */
const savedPassesMax = 64;

export class LossBudget {
  #balanceMs = 0;
  #passMs = 0;

  /** Engine time that drafts may still cost, in milliseconds; at most 0: the session only steps. */
  get leftMs(): number {
    return this.#balanceMs + openingPasses * this.#passMs;
  }

  /** Predicted before the first pass, so that the budget opens. @param passMs a pass of steps. */
  open(passMs: number): void {
    this.#passMs = passMs;
  }

  /** @param ms as the plan's shares say, >= 0. */
  charge(ms: number): void {
    this.#balanceMs -= ms;
  }

  /**
   * A pass has committed tokens.
   *
   * @param tokenCount >= 1.
   * @param passMs what the pass would take if all sessions only stepped.
   */
  committed(tokenCount: number, passMs: number): void {
    this.#passMs = passMs;
    const savedMs = (tokenCount - 1 + lossShare) * passMs;
    this.#balanceMs = Math.min(this.#balanceMs + savedMs, savedPassesMax * passMs);
  }
}
