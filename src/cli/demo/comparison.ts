// Turns measurements into a table and sentences: each mode beside streaming, which needs no draft.
// Claims a difference only where the texts agree. Pure.

import { median, medianInterval } from '../../math/statistics.js';
import { formatShare } from '../screen/numbers.js';
import { formatTable } from '../screen/table.js';

/** One text in one mode: counts, and milliseconds from the request to the last token. */
export interface AnswerSample {
  readonly tokenCount: number;
  readonly totalMs: number;
  readonly testedCount: number;
  readonly acceptedCount: number;
  readonly verdictCount: number;
  /** Up and down. */
  readonly messageCount: number;
  readonly bytes: number;
}

/** One mode and its texts, [n >= 1] in the same order for all modes. */
export interface ContenderSamples {
  readonly name: string;
  readonly samples: readonly AnswerSample[];
}

/** Speed relative to streaming: median and range over the texts. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const perToken = ({ totalMs, tokenCount }: AnswerSample): number => totalMs / tokenCount;

/** @param stream, way samples of the same texts. */
export function ratioTo(stream: ContenderSamples, way: ContenderSamples): Ratio {
  const ratios = way.samples.map(
    (sample, index) => perToken(stream.samples[index]!) / perToken(sample),
  );
  return { median: median(ratios), ...medianInterval(ratios) };
}

const sum = ({ samples }: ContenderSamples, of: (sample: AnswerSample) => number): number =>
  samples.reduce((total, sample) => total + of(sample), 0);

const tokenRate = (way: ContenderSamples): number =>
  median(way.samples.map((one) => 1000 / perToken(one)));

/** Lines of the table, streaming first. `alone` writes another text, so it is not compared. */
export function comparisonTable(
  ways: readonly ContenderSamples[],
  alone: ContenderSamples | null,
): string {
  const head = ['', 'tokens/s', 'vs streaming', 'accepted', 'messages/token', 'bytes/token'];
  const rows = ways.map((way) => row(way, `${ratioTo(ways[0]!, way).median.toFixed(2)} x`));
  const first = alone === null ? [] : [row(alone, '-')];
  const align = ['left', 'right', 'right', 'right', 'right', 'right'] as const;
  return formatTable([head, ...first, ...rows], { align, indent: '  ' });
}

function row(way: ContenderSamples, ratio: string): string[] {
  const tokens = sum(way, ({ tokenCount }) => tokenCount);
  const tested = sum(way, ({ testedCount }) => testedCount);
  const accepted = sum(way, ({ acceptedCount }) => acceptedCount);
  return [
    way.name,
    tokenRate(way).toFixed(1),
    ratio,
    tested > 0 ? formatShare(accepted / tested) : '-',
    (sum(way, ({ messageCount }) => messageCount) / tokens).toFixed(2),
    (sum(way, ({ bytes }) => bytes) / tokens).toFixed(1),
  ];
}

/** The numbers that explain the result. */
export interface Circumstances {
  readonly roundTripMs: number;
  /** Of the target, as measured. */
  readonly passMs: number;
  /** Median tokens per verdict in stop-and-wait. */
  readonly roundTokens: number;
}

/** Tokens of one text per verdict. */
export const roundTokensOf = ({ samples }: ContenderSamples): number =>
  median(samples.map(({ tokenCount, verdictCount }) => tokenCount / verdictCount));

const spread = ({ median: middle, low, high }: Ratio, count: number): string =>
  count === 1
    ? `${middle.toFixed(2)} times streaming in one text`
    : `${middle.toFixed(2)} times streaming (${low.toFixed(2)} to ${high.toFixed(2)} over ${count} texts)`;

/** Closer to streaming than this counts as even: timers and other processes cause as much. */
const even = 0.03;

const wins = ({ median: middle, low }: Ratio): boolean => middle > 1 + even && low > 1 - even;
const loses = ({ median: middle, high }: Ratio): boolean => middle < 1 - even && high < 1 + even;

/**
 * Names the fastest mode and the slower ones. A mode wins if its median is faster and no text is
 * slower, within 3 %; it loses in the reverse case.
 */
export function verdictText(ways: readonly ContenderSamples[]): string {
  const [stream, ...others] = ways as [ContenderSamples, ...ContenderSamples[]];
  const judged = others.map((way) => ({ name: way.name, ratio: ratioTo(stream, way) }));
  const best = judged.reduce((a, b) => (b.ratio.median > a.ratio.median ? b : a));
  const speed = spread(best.ratio, stream.samples.length);
  const losers = judged
    .filter(({ name, ratio }) => loses(ratio) && name !== best.name)
    .map(({ name, ratio }) => `${name} (${ratio.median.toFixed(2)} x)`);
  const slower = losers.length === 0 ? '' : ` Slower than streaming: ${losers.join(', ')}.`;
  if (wins(best.ratio)) return `${capital(best.name)} won: ${speed}.${slower}`;
  if (loses(best.ratio)) return `Plain streaming won; next is ${best.name} with ${speed}.${slower}`;
  return `No mode clearly beat plain streaming: ${best.name} reached ${speed}, too close or too varied to call.${slower}`;
}

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

/** Explains the result in one paragraph: the cost of waiting against the tokens it brings. */
export function reasonText({ roundTripMs, passMs, roundTokens }: Circumstances): string {
  const roundMs = roundTripMs + passMs;
  const waited = roundMs / roundTokens;
  const brought = roundTokens.toFixed(1);
  const waits = `Waiting for a verdict costs a round trip and a pass, ${roundMs.toFixed(0)} ms, for the ${brought} tokens of a round: at best ${waited.toFixed(0)} ms a token.`;
  const streams = `Streaming costs a pass, ${passMs.toFixed(passMs < 10 ? 1 : 0)} ms, for each token, and a round trip once.`;
  const races =
    passMs > roundTripMs / roundTokens
      ? 'Auto never waits: the server goes on writing while drafts travel, tests those that arrive in time, and drafts itself where none do.'
      : `During a round trip this target writes ${(roundTripMs / passMs).toFixed(0)} tokens by itself, more than a draft brings. Most drafts arrive too late, the others make passes longer, and drafting takes processor time that server and devices share here.`;
  return `${waits} ${streams} ${races}`;
}
