// Says in a few lines how errands went.

import type { DriveReport } from './drive.js';

/** One line an errand. */
export const errandLine = ({ errand, isDone, seconds, counts, failures }: DriveReport): string =>
  [
    `${isDone ? 'arrived' : 'not there'} after ${seconds.toFixed(1)} s: ${errand.goal}`,
    `${counts.acted} actions, ${counts.missed} late, ${counts.cancelled} given up`,
    ...failures.slice(0, 1).map((failure) => `failed: ${failure.slice(0, 200)}`),
  ].join('; ');

/** @param reports [n >= 1] */
export function summaryLines(reports: readonly DriveReport[]): string[] {
  const done = reports.filter(({ isDone }) => isDone);
  const latencies = reports.flatMap(({ counts }) => counts.latencyMs).sort((a, b) => a - b);
  const at = (share: number): string => {
    const value = latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))];
    return value === undefined ? '-' : `${value.toFixed(0)} ms`;
  };
  const sum = (of: (report: DriveReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const share = (part: number, whole: number): string =>
    whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
  const seconds = done.reduce((total, report) => total + report.seconds, 0) / done.length;
  return [
    `errands that ended at the goal: ${done.length} of ${reports.length} (${share(done.length, reports.length)})`,
    `time to the goal: ${done.length === 0 ? '-' : `${seconds.toFixed(1)} s`}`,
    `picture to action: ${at(0.5)} (median), ${at(0.95)} (95 of 100 below)`,
    `after the deadline: ${share(
      sum(({ counts }) => counts.missed),
      sum(({ counts }) => counts.asked),
    )} of the requests`,
    `failed answers: ${sum(({ counts }) => counts.failed)}`,
  ];
}
