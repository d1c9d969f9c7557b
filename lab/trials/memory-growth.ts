// Judges the memory of a server under churn: whether it is flat, and how it grew.

import { assert } from '../../src/base/assert.js';
import type { Estimate } from '../../src/math/estimate.js';
import { mean, studentQuantile } from '../../src/math/statistics.js';
import { figure } from '../report/figures.js';
import { type Holding, liveBytes, MiB } from './trial-server.js';

export interface Sample {
  readonly minute: number;
  /** Answers until then. */
  readonly answerCount: number;
  readonly holding: Pick<Holding, 'residentBytes' | 'heapBytes' | 'externalBytes' | 'core'>;
}

/** Of the time, in which caches and compiled code still grow. */
const warmShare = 0.5;
/** Bytes that an answer may leave: about an entry of a map, and code compiled late. */
export const bytesPerAnswerMax = 64;
/** A run that is shorter says what it saw, and judges nothing. */
const minutesToJudge = 5;

/** Null before garbage was collected. */
export const liveMiB = ({ holding }: Sample): number | null => {
  const bytes = liveBytes(holding);
  return bytes === null ? null : bytes / MiB;
};

export const residentMiB = ({ holding }: Sample): number => holding.residentBytes / MiB;

/** Of the second half; null where too few samples followed a garbage collection. */
export function slopesOf(samples: readonly Sample[]) {
  const fromMinute = (samples.at(-1)?.minute ?? 0) * warmShare;
  const warm = samples.filter(({ minute }) => minute >= fromMinute);
  const collected = warm.filter((sample) => liveMiB(sample) !== null);
  if (collected.length < 3) return null;
  const minutes = (of: readonly Sample[]): number[] => of.map(({ minute }) => minute);
  const answers = collected.map(({ answerCount }) => answerCount);
  const live = collected.map((sample) => liveMiB(sample)!);
  return {
    /** Live objects and buffers for each answer, bytes. */
    liveBytesPerAnswer: slopeOf(
      answers,
      live.map((one) => MiB * one),
    ),
    /** MiB a minute. */
    live: slopeOf(minutes(collected), live),
    resident: slopeOf(minutes(warm), warm.map(residentMiB)),
  };
}

/**
 * Ends the trial where the whole interval of live bytes an answer lies above the bound. Resident
 * memory is told, not judged: it is the allocator's as well.
 */
export function checkFlat(samples: readonly Sample[]): void {
  const slopes = slopesOf(samples);
  if (slopes === null || samples.at(-1)!.minute < minutesToJudge) return;
  const { low } = slopes.liveBytesPerAnswer;
  const range = rangeText(slopes.liveBytesPerAnswer);
  assert(
    low <= bytesPerAnswerMax,
    `each answer leaves ${range} bytes, at most ${bytesPerAnswerMax}`,
  );
}

export const rangeText = ({ low, high }: Estimate): string => `[${figure(low)}, ${figure(high)}]`;

/** Least squares. @param at [n >= 3] not all alike. @returns growth for one unit of `at`. */
export function slopeOf(at: readonly number[], values: readonly number[]): Estimate {
  const count = at.length;
  assert(count >= 3 && values.length === count, `${count} places, ${values.length} values`);
  const [middle, level] = [mean(at), mean(values)];
  const spread = at.reduce((sum, x) => sum + (x - middle) ** 2, 0);
  assert(spread > 0, 'all samples at one place');
  const value =
    at.reduce((sum, x, index) => sum + (x - middle) * (values[index]! - level), 0) / spread;
  const rest = at.reduce(
    (sum, x, index) => sum + (values[index]! - level - value * (x - middle)) ** 2,
    0,
  );
  const error = Math.sqrt(rest / (count - 2) / spread);
  const margin = studentQuantile(count - 2, 0.95) * error;
  return { value, low: value - margin, high: value + margin };
}
