// Times two ways to do the same work turn by turn, so that whatever else the machine does hits
// both. Reports ratios inside one run; absolute times of a shared machine mean nothing.

import { type Estimate, medianEstimate } from '../src/math/estimate.js';
import { median } from '../src/math/statistics.js';

/** Told each row of a table as it is measured. */
export type OnRow = (row: Readonly<Record<string, string | number | Estimate | null>>) => void;

interface PairedWork<Baseline, Subject> {
  readonly baseline: (turn: number) => Baseline | Promise<Baseline>;
  readonly subject: (turn: number) => Subject | Promise<Subject>;
  /** Turns that count. */
  readonly turns: number;
  /** Turns before them. Default 0. */
  readonly warmUpTurns?: number;
}

/** Signals wait for the event loop, and work that never waits would keep them out. */
const eventLoopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Both sides every turn, in turns first: caches and clock speed favour one side otherwise. */
export async function runPairs<Baseline, Subject>(
  work: PairedWork<Baseline, Subject>,
): Promise<{ readonly baseline: Baseline; readonly subject: Subject }[]> {
  const { turns, warmUpTurns = 0 } = work;
  const pairs: { baseline: Baseline; subject: Subject }[] = [];
  for (let turn = -warmUpTurns; turn < turns; turn++) {
    const early = turn % 2 === 0 ? { subject: await work.subject(turn) } : null;
    const baseline = await work.baseline(turn);
    const { subject } = early ?? { subject: await work.subject(turn) };
    await eventLoopTurn();
    if (turn >= 0) pairs.push({ baseline, subject });
  }
  return pairs;
}

/** Works on one item after another. @param onResult told each result as it is there. */
export async function inTurn<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  onResult: (result: Result) => void = () => undefined,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) {
    results.push(await work(item));
    onResult(results.at(-1)!);
  }
  return results;
}

async function timeMs(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Two turns more warm up. @param turns that are measured, >= 6. */
export async function measurePaired(
  work: Pick<PairedWork<unknown, unknown>, 'baseline' | 'subject' | 'turns'>,
) {
  const pairs = await runPairs({
    baseline: (turn) => timeMs(() => work.baseline(turn)),
    subject: (turn) => timeMs(() => work.subject(turn)),
    turns: work.turns,
    warmUpTurns: 2,
  });
  return {
    /** Of time(baseline) / time(subject), with an interval of at least 95 % coverage. */
    ratio: medianEstimate(pairs.map(({ baseline, subject }) => baseline / subject)),
    // For the reader's sense of scale only.
    baselineMs: median(pairs.map(({ baseline }) => baseline)),
    subjectMs: median(pairs.map(({ subject }) => subject)),
  };
}

/** The ratio of speeds as one of times. */
export const inverse = ({ value, low, high }: Estimate): Estimate => ({
  value: 1 / value,
  low: 1 / high,
  high: 1 / low,
});
