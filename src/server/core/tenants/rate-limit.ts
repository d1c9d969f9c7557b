// Meters an amount that fills up evenly over time: the tokens or bytes that a key may use in a
// minute. Reads no clock. Overspending leaves a debt that later minutes pay.

const minuteMs = 60_000;
/** A refused key may come back with this share of a minute's amount, not for every token. */
const usefulShare = 0.1;

export class RateLimit {
  #perMinute: number | null;
  #level: number;
  #atMs: number;

  /** @param perMinute > 0, also what a burst may use at most; null: unlimited. */
  constructor(perMinute: number | null, nowMs: number) {
    this.#perMinute = perMinute;
    this.#level = perMinute ?? 0;
    this.#atMs = nowMs;
  }

  get perMinute(): number | null {
    return this.#perMinute;
  }

  /** Sets another amount from now on. The present level stays, as far as it fits. */
  change(perMinute: number | null, nowMs: number): void {
    if (perMinute === this.#perMinute) return;
    this.#fill(nowMs);
    this.#level = this.#perMinute === null ? (perMinute ?? 0) : this.#level;
    this.#perMinute = perMinute;
    this.#fill(nowMs);
  }

  /** @param amount >= 0 */
  spend(amount: number, nowMs: number): void {
    if (this.#perMinute === null) return;
    this.#fill(nowMs);
    this.#level -= amount;
  }

  /** Milliseconds until it is worth coming back; 0: there is something left now. */
  waitMs(nowMs: number): number {
    if (this.#perMinute === null) return 0;
    this.#fill(nowMs);
    if (this.#level > 0) return 0;
    const missing = this.#perMinute * usefulShare - this.#level;
    return Math.ceil((missing / this.#perMinute) * minuteMs);
  }

  /** What was spent beyond what there was, as a share of a minute's amount; 0: nothing was. */
  debtShare(nowMs: number): number {
    if (this.#perMinute === null) return 0;
    this.#fill(nowMs);
    return Math.max(0, -this.#level / this.#perMinute);
  }

  #fill(nowMs: number): void {
    if (this.#perMinute !== null) {
      const grown = this.#level + ((nowMs - this.#atMs) / minuteMs) * this.#perMinute;
      this.#level = Math.min(this.#perMinute, grown);
    }
    this.#atMs = nowMs;
  }
}
