// Measures the tokens per millisecond of a session that wants tokens, with forgetting. Pure.

/** Passes after which one has faded to 37 %. */
const memoryPasses = 48;
const keep = Math.exp(-1 / memoryPasses);
/** Before so many the rate is too uncertain to hold anything against. */
const passCountMin = 8;
/** Of what was measured, for the next session: it was under another load. */
const inheritedShare = 0.5;

export class TokenRate {
  #tokens = 0;
  #ms = 0;
  #passCount = 0;

  /** @param ms since the pass before, or since the session began to wait. */
  add(tokenCount: number, ms: number): void {
    this.#tokens = this.#tokens * keep + tokenCount;
    this.#ms = this.#ms * keep + ms;
    this.#passCount++;
  }

  /** The rate with which the next session of the same user begins. */
  successor(): TokenRate {
    const next = new TokenRate();
    next.#tokens = inheritedShare * this.#tokens;
    next.#ms = inheritedShare * this.#ms;
    next.#passCount = this.#passCount;
    return next;
  }

  /** 0 while unknown. */
  get perMs(): number {
    return this.#passCount < passCountMin || this.#ms === 0 ? 0 : this.#tokens / this.#ms;
  }
}
