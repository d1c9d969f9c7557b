// Judges a reading beside its baseline, both with intervals. A change is told only where the
// interval of their ratio lies outside what is tolerated; noise makes it unsure, never worse.

import type { Estimate } from '../../src/math/estimate.js';

/** One number that the gate watches. */
export interface GateReading {
  /** Unique in the gate. */
  readonly id: string;
  readonly title: string;
  /** Positive; an exact one has no interval. */
  readonly value: Estimate;
  readonly isMoreBetter: boolean;
}

/** What a reading was when the baseline was written. */
export interface BaselineEntry {
  readonly value: Estimate;
  /** Share of the value by which it may change, > 0. */
  readonly tolerance: number;
}

export type GateVerdict = 'ok' | 'worse' | 'better' | 'not sure' | 'new';

export interface Judged {
  readonly reading: GateReading;
  /** Null: the baseline does not know it. */
  readonly baseline: BaselineEntry | null;
  /** Reading over baseline. */
  readonly change: Estimate | null;
  readonly verdict: GateVerdict;
}

/** Judges one reading. @param baseline null where there is none yet. */
export function judgeReading(reading: GateReading, baseline: BaselineEntry | null): Judged {
  if (baseline === null) return { reading, baseline, change: null, verdict: 'new' };
  const change = changeOf(reading.value, baseline.value);
  return { reading, baseline, change, verdict: verdictOf(change, baseline.tolerance, reading) };
}

/**
 * Ratio of two independent estimates: the half-widths of their intervals, as logarithms, add as
 * squares do (delta method), which keeps the ends apart where an interval leans to one side.
 */
export function changeOf(now: Estimate, before: Estimate): Estimate {
  const value = now.value / before.value;
  const below = Math.hypot(logRatio(now.value, now.low), logRatio(before.high, before.value));
  const above = Math.hypot(logRatio(now.high, now.value), logRatio(before.value, before.low));
  return { value, low: value * Math.exp(-below), high: value * Math.exp(above) };
}

/** An end of a positive number's interval that reaches 0 leaves everything open. */
const logRatio = (larger: number, smaller: number): number =>
  smaller > 0 ? Math.log(larger / smaller) : Infinity;

function verdictOf({ low, high }: Estimate, tolerance: number, reading: GateReading): GateVerdict {
  const [least, most] = [1 - tolerance, 1 + tolerance];
  if (low > most) return reading.isMoreBetter ? 'better' : 'worse';
  if (high < least) return reading.isMoreBetter ? 'worse' : 'better';
  return low >= least && high <= most ? 'ok' : 'not sure';
}

/** A suspect is read again: worse only where both times, as a machine's trouble passes. */
export function confirmed(first: Judged, second: Judged): Judged {
  const isDoubtful = second.verdict === 'worse' && first.verdict !== 'worse';
  return isDoubtful ? { ...second, verdict: 'not sure' } : second;
}
