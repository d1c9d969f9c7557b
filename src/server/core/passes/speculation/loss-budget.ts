// Bounds what drafts can cost a session against streaming, however wrong the estimates are. Holds,
// stages of the draft model and rows are charged; each token beyond the first of a pass saves a
// pass. A session that has spent its budget steps, and each pass lets it try a little. Pure.

/** Passes that a session may lose before drafts have earned any. */
const openingPasses = 3;
/** Time that may be lost for good: streaming is at most this share faster over a long answer. */
const lossShare = 0.015;
/**
 * The same for the drafts of others. Smaller shares cost the whole server much: 0.1 loses
 * three times as many tokens (lab/decisions/auto.md).
 */
const patienceShare = 0.3;
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

/** By how long the drafts of others may still delay a session against streaming. Pure. */
export class Patience {
  #balanceMs = 0;
  #passMs = 0;

  /** In milliseconds; at most 0: the others only step. */
  get leftMs(): number {
    return this.#balanceMs + openingPasses * this.#passMs;
  }

  /**
   * A pass has committed tokens.
   *
   * @param tokenCount >= 1.
   * @param passMs what the pass would take if all sessions only stepped.
   * @param addedMs by which drafts have made it longer, holds before it included.
   */
  committed(tokenCount: number, passMs: number, addedMs: number): void {
    this.#passMs = passMs;
    const savedMs = (tokenCount - 1 + patienceShare) * passMs - addedMs;
    this.#balanceMs = Math.min(this.#balanceMs + savedMs, savedPassesMax * passMs);
  }
}
