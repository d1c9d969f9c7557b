// Compares a mode with streaming on the real loop, turn by turn: the same texts on the same devices
// and server.

import type { Client } from '../../src/device/index.js';
import { medianEstimate } from '../../src/math/estimate.js';
import { median } from '../../src/math/statistics.js';
import { runPairs } from '../paired.js';
import { summed } from './fleet.js';
import { type Asked, type LoopFixture, type RecordedTexts, replayAll } from './loop-fixture.js';

/** One answer of every device at once. @param turn other texts in each, while there are some. */
export function answerAll(
  loop: LoopFixture,
  devices: readonly Client[],
  texts: RecordedTexts,
  turn: number,
  asked: Asked,
) {
  return loop.counting(async () => {
    const startedMs = performance.now();
    const written = await replayAll(devices, texts, asked, turn * devices.length);
    return { written, ms: performance.now() - startedMs };
  });
}

export type Answers = Awaited<ReturnType<typeof answerAll>>;
type AnswerPair = { readonly baseline: Answers; readonly subject: Answers };

export const compareModes = (
  loop: LoopFixture,
  devices: readonly Client[],
  texts: RecordedTexts,
  turns: number,
  asked: Asked,
): Promise<AnswerPair[]> =>
  runPairs({
    turns,
    baseline: (turn) => answerAll(loop, devices, texts, turn, { mode: 'stream' }),
    subject: (turn) => answerAll(loop, devices, texts, turn, asked),
  });

const tokenMsOf = ({ written }: Answers): number => median(written.map(({ tokenMs }) => tokenMs));
const tokensOf = ({ written }: Answers): number => written.flatMap(({ tokens }) => tokens).length;
const textOf = ({ written }: Answers): string => written.map(({ tokens }) => `${tokens}`).join();
const shareOf = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** Medians over turns; speeds in units of streaming in the same turn. */
export function comparison(pairs: readonly AnswerPair[]) {
  const of = (value: (pair: AnswerPair) => number): number => median(pairs.map(value));
  const perToken = (value: (answers: Answers) => number): number =>
    of(({ subject }) => value(subject) / tokensOf(subject));
  const total = summed(pairs.flatMap(({ subject }) => subject.written));
  return {
    sameText: pairs.every(({ baseline, subject }) => textOf(baseline) === textOf(subject))
      ? 'yes'
      : 'no',
    /** Of one user; and of all users' tokens a second. */
    speed: medianEstimate(
      pairs.map(({ baseline, subject }) => tokenMsOf(baseline) / tokenMsOf(subject)),
    ),
    throughput: of(
      ({ baseline, subject }) =>
        tokensOf(subject) / subject.ms / (tokensOf(baseline) / baseline.ms),
    ),
    tokenMs: of(({ subject }) => tokenMsOf(subject)),
    streamMs: of(({ baseline }) => tokenMsOf(baseline)),
    accepted: shareOf(total.acceptedCount, total.testedCount),
    passes: perToken(({ passCount }) => passCount),
    rows: perToken(({ rowCount }) => rowCount),
    messages: total.upMessageCount / total.tokenCount,
    bytes: (total.upBytes + total.downBytes) / total.tokenCount,
    survival: shareOf(total.chainSurvivedCount, total.chainTestedCount),
  };
}
