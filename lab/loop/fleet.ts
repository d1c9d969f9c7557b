// Connects devices of a benchmark, each a client of the library in this process, and writes
// answers. Times are taken where a user would take them, at the tokens.

import type { DrafterChoice } from '../../src/device/client.js';
import type { AheadBudget } from '../../src/device/core/drafting/ahead/ahead-budget.js';
import type { Statistics } from '../../src/device/core/statistics.js';
import { type Client, connect, type GenerateOptions } from '../../src/device/index.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import { type Estimate, ratioEstimate } from '../../src/math/estimate.js';

type Told = 'seed' | 'scheme' | 'mode' | 'sampling' | 'tokensMax';
export type WriteTask = Required<Pick<GenerateOptions, Told>> &
  Pick<GenerateOptions, 'windowMax' | 'stopRule'> & { readonly prompt: Int32Array };

/** The answer to one task. */
export interface TimedAnswer {
  readonly tokens: readonly number[];
  /** Milliseconds a token after the first verdict. */
  readonly tokenMs: number;
  readonly statistics: Statistics;
}

/** @param url of the server, or of a relay before it. @param ahead default: as shipped. */
export async function connectDevice(
  url: string,
  vocabulary: Vocabulary,
  drafter: DrafterChoice,
  ahead: Partial<AheadBudget> = {},
): Promise<Client> {
  return connect({ url, vocabulary, drafter, ahead, timing: { pingMs: 250 } });
}

/** Writes one answer and times it. */
export async function write(client: Client, task: WriteTask): Promise<TimedAnswer> {
  const { prompt, ...options } = task;
  const answer = client.generate({ ...options, ids: prompt });
  let firstMs = 0;
  let lastMs = 0;
  let atFirst = 0;
  const tokens: number[] = [];
  for await (const piece of answer) {
    if (piece.kind !== 'token') continue;
    lastMs = performance.now();
    if (tokens.length === 0) firstMs = lastMs;
    // Tokens of one verdict come within the same moment.
    if (lastMs - firstMs < 0.5) atFirst++;
    tokens.push(piece.token);
  }
  const { statistics } = await answer.result;
  const tokenMs = (lastMs - firstMs) / Math.max(1, tokens.length - atFirst);
  return { tokens, tokenMs, statistics };
}

/** An answer in two ways. */
export interface AnswerPair<Answer extends TimedAnswer = TimedAnswer> {
  readonly baseline: Answer;
  readonly subject: Answer;
}

/** Of the subject, in units of the baseline in the same turn. */
export const speedUp = ({ baseline, subject }: AnswerPair): number =>
  baseline.tokenMs / subject.tokenMs;

/** Whether both ways wrote the same tokens, for a table. */
export const sameText = (pairs: readonly AnswerPair[]): 'yes' | 'no' =>
  pairs.every(({ baseline, subject }) => `${baseline.tokens}` === `${subject.tokens}`)
    ? 'yes'
    : 'no';

/** Statistics that are plain numbers, and add up. */
export type FleetCounts = {
  readonly [Name in keyof Statistics as Statistics[Name] extends number ? Name : never]: number;
};

/** Sums over answers. */
export function summed(written: readonly Pick<TimedAnswer, 'statistics'>[]): FleetCounts {
  const [first, ...others] = written.map(({ statistics }) => statistics);
  const names = Object.keys(first!) as (keyof Statistics)[];
  const counts = names.filter((name) => typeof first![name] === 'number') as (keyof FleetCounts)[];
  return Object.fromEntries(
    counts.map((name) => [name, others.reduce((sum, one) => sum + one[name], first![name])]),
  ) as FleetCounts;
}

/** Accepted / tested; answers are resampled. */
export const fleetAcceptance = (written: readonly TimedAnswer[]): Estimate =>
  ratioEstimate(
    written.map(({ statistics: { acceptedCount, testedCount } }) => ({
      part: acceptedCount,
      whole: testedCount,
    })),
  );
