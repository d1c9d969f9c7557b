// What twenty minutes of churn say: whether memory is flat, and the tables of it.

import { assert } from '../../src/base/assert.js';
import type { Estimate } from '../../src/math/estimate.js';
import { exact } from '../../src/math/estimate.js';
import { figure } from '../report/figures.js';
import { type Findings, measuredColumn } from '../report/result.js';
import type { ChurnTally } from './churn.js';
import { slopeOf } from './slope.js';
import type { Holding } from './trial-server.js';

export interface MemorySample {
  readonly minute: number;
  /** Answers until then. */
  readonly answerCount: number;
  readonly holding: Pick<Holding, 'residentBytes' | 'heapBytes' | 'externalBytes' | 'core'>;
}

export interface SoakResult {
  readonly samples: readonly MemorySample[];
  readonly tally: ChurnTally;
  /** Broken links. */
  readonly cutCount: number;
  /** What the server held once everybody had gone, by name: zeros. */
  readonly left: Readonly<Record<string, number>>;
}

/** Of the time, in which caches and compiled code still grow. */
const warmShare = 0.5;
/**
 * Bytes that an answer may leave among the live objects. An entry of a map is about as large, and what is compiled or counted
 * late is spread over all answers.
 */
export const bytesPerAnswerMax = 64;
const MiB = 2 ** 20;
/** A run that is shorter says what it saw, and judges nothing. */
const minutesToJudge = 5;

interface Slopes {
  /** Live objects and buffers for each answer, bytes. */
  readonly liveBytesPerAnswer: Estimate;
  /** MiB a minute. */
  readonly live: Estimate;
  readonly resident: Estimate;
}

/** Live objects and the buffers that they hold, where garbage was collected first. */
const liveBytes = ({ holding }: MemorySample): number =>
  (holding.heapBytes ?? Number.NaN) + holding.externalBytes;

function slopesOf(samples: readonly MemorySample[]): Slopes | null {
  const fromMinute = (samples.at(-1)?.minute ?? 0) * warmShare;
  const warm = samples.filter(({ minute }) => minute >= fromMinute);
  const collected = warm.filter(({ holding }) => holding.heapBytes !== null);
  if (collected.length < 3) return null;
  const slope = (
    of: readonly MemorySample[],
    at: (sample: MemorySample) => number,
    value: (sample: MemorySample) => number,
  ): Estimate => slopeOf(of.map(at), of.map(value));
  const minuteOf = ({ minute }: MemorySample): number => minute;
  return {
    liveBytesPerAnswer: slope(collected, ({ answerCount }) => answerCount, liveBytes),
    live: slope(collected, minuteOf, (sample) => liveBytes(sample) / MiB),
    resident: slope(warm, minuteOf, ({ holding }) => holding.residentBytes / MiB),
  };
}

/**
 * Ends the trial where live memory grows with the answers: where the whole interval of its slope lies above what an answer
 * may leave. Resident memory is told, not judged: it is the allocator's as well.
 */
export function checkFlat(samples: readonly MemorySample[]): void {
  const slopes = slopesOf(samples);
  if (slopes === null || samples.at(-1)!.minute < minutesToJudge) return;
  const { low, high } = slopes.liveBytesPerAnswer;
  const range = `[${figure(low)}, ${figure(high)}]`;
  assert(
    low <= bytesPerAnswerMax,
    `each answer leaves ${range} bytes, at most ${bytesPerAnswerMax}`,
  );
}

/** Claims, set-up and tables of a run; owned by the caller. @param crowd how many were about at any time. */
export function soakFindings(
  { samples, tally, cutCount, left }: SoakResult,
  load: { readonly devices: number; readonly clients: number; readonly vanishing: number },
): Findings {
  const { minute: minutes, answerCount } = samples.at(-1)!;
  const slopes = slopesOf(samples);
  return {
    claims: claimsOf(minutes, answerCount, tally, cutCount, slopes),
    setUp: [
      {
        part: 'server',
        what: 'a process of its own with the shipped server, its HTTP door and its keys, and 4 slots of the scripted engine, whose passes take 2 ms; sessions outlive their connection for two seconds',
        isEmulated: true,
      },
      {
        part: 'devices',
        what: `${load.devices} at a time, which draft with a model, from their own text or not at all, in every scheme and mode; four links in a hundred break every quarter of a second; three answers in ten are left in the middle; one device's key is taken away every 15 seconds`,
        isEmulated: true,
      },
      {
        part: 'others',
        what: `${load.clients} HTTP clients at a time over the same link, and ${load.vanishing} connection at a time that opens a session and vanishes`,
        isEmulated: true,
      },
    ],
    tables: [
      tallyTable(minutes, tally, cutCount),
      growthTable(samples, slopes),
      memoryTable(samples),
    ],
    plots: [
      { id: 'memory', title: 'Memory of the server under churn', table: 'memory', spec: plotSpec },
    ],
    papers: [],
    notes: [
      'Greedy, agreement, split and full were asked at temperature 0, where their text has no chance in it; coupled was sampled.',
      'A text that differs ends the run with an error, and so does anything that is left once all have gone: ' +
        `${Object.entries(left)
          .map(([name, count]) => `${name} ${count}`)
          .join(', ')}.`,
      'Growth is of the second half of the run, by least squares. Live objects are what two garbage collections leave, every half ' +
        'minute, with buffers outside the heap; samples of resident memory, every five seconds, depend on each other, so its interval is too narrow.',
      `The run ends with an error where the whole interval of live bytes for each answer lies above ${bytesPerAnswerMax}: a leak as large as that ` +
        'interval is wide cannot hide. Resident memory is told, not judged: most of it is what the allocator keeps between two collections.',
    ],
  };
}

function claimsOf(
  minutes: number,
  answerCount: number,
  tally: ChurnTally,
  cutCount: number,
  slopes: Slopes | null,
): Findings['claims'] {
  const exactText = {
    id: 'exact',
    text:
      `In ${figure(minutes)} minutes of churn with ${figure(answerCount)} answers and ${figure(cutCount)} broken links no ` +
      `committed token of ${figure(tally.tokenCount)} was lost, repeated or changed.`,
  };
  if (slopes === null) return [exactText];
  const { resident, liveBytesPerAnswer } = slopes;
  return [
    exactText,
    {
      id: 'flat',
      text:
        `The server's live memory grew by ${figure(liveBytesPerAnswer.value)} bytes for each answer ${rangeText(liveBytesPerAnswer)}, ` +
        `its resident memory by ${figure(resident.value)} MiB a minute ${rangeText(resident)}.`,
    },
  ];
}

const rangeText = ({ low, high }: Estimate): string => `[${figure(low)}, ${figure(high)}]`;

function tallyTable(minutes: number, tally: ChurnTally, cutCount: number) {
  const { wholeCount, leftCount, httpWholeCount, httpLeftCount } = tally;
  const row = (name: string, whole: number, leftEarly: number) => ({
    keys: [name],
    values: [exact(minutes), exact(whole), exact(leftEarly), null, null, null, null],
  });
  const { vanishedCount, revokedCount, tokenCount } = tally;
  const sums = [cutCount, vanishedCount, revokedCount, tokenCount].map(exact);
  return {
    id: 'soak',
    title: 'What came and went',
    keys: [{ name: 'over', title: 'over', unit: '' }],
    values: [
      measuredColumn('minutes', 'lasted', 'min'),
      measuredColumn('whole', 'whole answers'),
      measuredColumn('left', 'left or broken in the middle'),
      measuredColumn('cuts', 'broken links'),
      measuredColumn('vanished', 'vanished'),
      measuredColumn('revoked', 'ended by a revoked key'),
      measuredColumn('tokens', 'tokens compared'),
    ],
    rows: [
      row('WebSocket', wholeCount, leftCount),
      row('HTTP', httpWholeCount, httpLeftCount),
      {
        keys: ['both'],
        values: [
          exact(minutes),
          exact(wholeCount + httpWholeCount),
          exact(leftCount + httpLeftCount),
          ...sums,
        ],
      },
    ],
    isShown: true,
  };
}

function growthTable(samples: readonly MemorySample[], slopes: Slopes | null) {
  const last = samples.at(-1)!.holding;
  const lastLive = samples.findLast(({ holding }) => holding.heapBytes !== null);
  return {
    id: 'growth',
    title: 'Growth of the server in the second half',
    keys: [{ name: 'memory', title: 'memory', unit: '' }],
    values: [
      measuredColumn('last', 'in the end', 'MiB'),
      measuredColumn('slope', 'growth', 'MiB/min'),
      measuredColumn('each', 'growth', 'bytes an answer'),
    ],
    rows: [
      {
        keys: ['live objects and buffers'],
        values: [
          lastLive === undefined ? null : exact(liveBytes(lastLive) / MiB),
          slopes?.live ?? null,
          slopes?.liveBytesPerAnswer ?? null,
        ],
      },
      {
        keys: ['resident'],
        values: [exact(last.residentBytes / MiB), slopes?.resident ?? null, null],
      },
    ],
    isShown: true,
  };
}

const memoryTable = (samples: readonly MemorySample[]) => ({
  id: 'memory',
  title: 'Memory of the server',
  keys: [{ name: 'minute', title: 'after', unit: 'min' }],
  values: [
    measuredColumn('resident', 'resident', 'MiB'),
    measuredColumn('live', 'live objects and buffers', 'MiB'),
    measuredColumn('sessions', 'sessions'),
  ],
  rows: samples.map((sample) => ({
    keys: [sample.minute],
    values: [
      exact(sample.holding.residentBytes / MiB),
      sample.holding.heapBytes === null ? null : exact(liveBytes(sample) / MiB),
      exact(sample.holding.core.sessionCount),
    ],
  })),
  isShown: false,
});

const plotSpec = {
  width: 420,
  height: 200,
  layer: ['resident', 'live'].map((field) => ({
    mark: { type: 'line' },
    transform: [{ filter: `isValid(datum.${field})` }],
    encoding: {
      x: { field: 'minute', type: 'quantitative', title: 'minutes' },
      y: { field, type: 'quantitative', title: 'MiB', scale: { zero: true } },
      color: { datum: field === 'live' ? 'live objects and buffers' : 'resident' },
    },
  })),
};
