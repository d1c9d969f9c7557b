// Tells how far a series of experiments has come: minutes so far and in all, by what was planned
// and the pace so far. Reads no clock.

export type BenchProgress = ReturnType<typeof benchProgress>;

/** @param plannedMinutes each > 0. @param now milliseconds that do not go back. */
export function benchProgress(plannedMinutes: readonly number[], now: () => number) {
  const startMs = now();
  let sinceMs = startMs;
  let index = -1;
  /** Time taken over time planned, of what is behind. */
  let times = 1;
  return {
    /** The next experiment begins; the one before is over. */
    begin(): void {
      index++;
      sinceMs = now();
      const planned = sum(plannedMinutes.slice(0, index));
      if (planned > 0) times = (sinceMs - startMs) / 60_000 / planned;
    },
    /** `3 of about 22 min`. */
    text(): string {
      const passed = (now() - startMs) / 60_000;
      const inThis = (now() - sinceMs) / 60_000;
      const [current = 0, ...later] = plannedMinutes.slice(index);
      // What takes longer than planned is said to end now: nothing better is known.
      const left = Math.max(0, current * times - inThis) + sum(later) * times;
      return `${Math.floor(passed)} of about ${Math.max(1, Math.round(passed + left))} min`;
    },
  };
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
