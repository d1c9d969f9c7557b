// Decides how far a session's drafts deserve rows of the target. Drafts that keep falling are first
// cut to one, then not tested at all. The server's own tokens still show whether the next draft
// would have stood, so a draft model that has recovered is tested again. Pure counts;
// draft-advice.ts knows what a row costs.

/** Rows that drafts get. */
export type Trust = 'full' | 'cut' | 'off';

/** Drafts of a session that is cut. */
export const cutLength = 1;

/** Below this rate of acceptance drafts are cut; back above the second they are whole again. */
const cutBelow = 0.25;
const wholeFrom = 0.4;
/** Below this a draft costs the others a row for less than a tenth of a token. */
const offBelow = 0.1;
/** The prior for a new key: its weight in tests, and its rate. */
const priorTested = 8;
const priorRate = 0.7;
/** A new session of a key whose drafts always fell starts cut, and is soon off. */
const inheritedMin = 0.15;
/** Tests that count: older ones fade. */
const memory = 64;

export class DraftTrust {
  #accepted: number;
  #tested = priorTested;
  #trust: Trust = 'full';

  /** @param rate what is expected before anything is tested, in [0, 1]. */
  constructor(rate = priorRate) {
    this.#accepted = priorTested * rate;
    this.#judge();
  }

  /** Expected of a new session of the same key; never so low that it cannot recover. */
  get inherited(): number {
    return Math.max(inheritedMin, Math.min(priorRate, this.rate));
  }

  /** Share of accepted drafts among recent ones, in [0, 1]. */
  get rate(): number {
    return this.#accepted / this.#tested;
  }

  get level(): Trust {
    return this.#trust;
  }

  /** Drafts that stood and drafts that fell. */
  learn(acceptedCount: number, rejectedCount: number): void {
    this.#accepted += acceptedCount;
    this.#tested += acceptedCount + rejectedCount;
    if (this.#tested > memory) {
      this.#accepted *= memory / this.#tested;
      this.#tested = memory;
    }
    this.#judge();
  }

  #judge(): void {
    const { rate } = this;
    if (rate < offBelow) this.#trust = 'off';
    else if (rate >= wholeFrom) this.#trust = 'full';
    else if (rate < cutBelow || this.#trust === 'off') this.#trust = 'cut';
  }
}

/** Most drafts that a pass tests. @param wantedMax what would be tested of a trusted session. */
export function trustedLength(trust: Trust, wantedMax: number): number {
  if (trust === 'full') return wantedMax;
  return trust === 'cut' ? Math.min(cutLength, wantedMax) : 0;
}
