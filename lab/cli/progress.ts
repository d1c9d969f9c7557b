// Tells how far a series of experiments has come: minutes so far and in all, by what was planned
// and the pace so far. Reads no clock.

export class BenchProgress {
  readonly #plannedMinutes: readonly number[];
  readonly #now: () => number;
  readonly #startMs: number;
  #index = -1;
  #sinceMs: number;
  /** Time taken over time planned, of what is behind. */
  #times = 1;

  /**
   * @param plannedMinutes [experiments, in their order] each > 0.
   * @param now milliseconds of any clock that does not go back.
   */
  constructor(plannedMinutes: readonly number[], now: () => number) {
    this.#plannedMinutes = plannedMinutes;
    this.#now = now;
    this.#startMs = now();
    this.#sinceMs = this.#startMs;
  }

  /** The next experiment begins; the one before is over. */
  begin(): void {
    this.#index++;
    this.#sinceMs = this.#now();
    const planned = sum(this.#plannedMinutes.slice(0, this.#index));
    if (planned > 0) this.#times = (this.#sinceMs - this.#startMs) / 60_000 / planned;
  }

  /** `3 of about 22 min`. */
  text(): string {
    const passed = (this.#now() - this.#startMs) / 60_000;
    const inThis = (this.#now() - this.#sinceMs) / 60_000;
    const [current = 0, ...later] = this.#plannedMinutes.slice(this.#index);
    // What takes longer than planned is said to end now: nothing better is known.
    const left = Math.max(0, current * this.#times - inThis) + sum(later) * this.#times;
    return `${Math.floor(passed)} of about ${Math.max(1, Math.round(passed + left))} min`;
  }
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
