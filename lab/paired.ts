// Paired timing: two ways of doing the same work, turn by turn, so that whatever else the machine does hits both.
// Reports ratios inside one run; absolute times of a shared machine mean nothing.

import { median, medianInterval } from '../src/math/statistics.js';

export interface PairedRatio {
  /** Median over turns of time(baseline) / time(subject): the subject's speed in units of the baseline's. */
  readonly median: number;
  /** Distribution-free interval of the median with at least 95 % coverage (order statistics). */
  readonly low: number;
  readonly high: number;
  readonly turns: number;
  /** Medians in milliseconds, for the reader's sense of scale only. */
  readonly baselineMs: number;
  readonly subjectMs: number;
}

export interface PairedWork {
  readonly baseline: () => unknown | Promise<unknown>;
  readonly subject: () => unknown | Promise<unknown>;
  /** Measured turns, >= 6; two more warm up. */
  readonly turns: number;
}

const warmUpTurns = 2;

async function timeMs(work: () => unknown | Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Signals wait for the event loop, and work that never waits would keep them out. */
const eventLoopTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function measurePaired({
  baseline,
  subject,
  turns,
}: PairedWork): Promise<PairedRatio> {
  const ratios: number[] = [];
  const baselineTimes: number[] = [];
  const subjectTimes: number[] = [];
  for (let turn = -warmUpTurns; turn < turns; turn++) {
    // Alternate who goes first: caches and clock speed favour one side otherwise.
    const subjectFirst = turn % 2 === 0;
    const early = subjectFirst ? await timeMs(subject) : null;
    const baselineTime = await timeMs(baseline);
    const subjectTime = early ?? (await timeMs(subject));
    await eventLoopTurn();
    if (turn < 0) continue;
    ratios.push(baselineTime / subjectTime);
    baselineTimes.push(baselineTime);
    subjectTimes.push(subjectTime);
  }
  const { low, high } = medianInterval(ratios);
  return {
    median: median(ratios),
    low,
    high,
    turns,
    baselineMs: median(baselineTimes),
    subjectMs: median(subjectTimes),
  };
}
