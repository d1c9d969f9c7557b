// From what was measured to a table and to words: each way of writing beside streaming, which needs no draft. Claims a
// difference only where the texts agree on it. Pure.

import { median, medianInterval } from '../../math/statistics.js';
import { formatShare } from '../screen/numbers.js';
import { formatTable } from '../screen/table.js';

/** One text as one way wrote it: counts, and milliseconds from the request to the last token. */
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

/** One way and its texts, [n >= 1] in one order for all ways. */
export interface ContenderSamples {
  readonly name: string;
  readonly samples: readonly AnswerSample[];
}

/** Speed in units of streaming: the median over the texts and its spread. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const perToken = ({ totalMs, tokenCount }: AnswerSample): number => totalMs / tokenCount;

/** @param stream, @param way of the same texts. */
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

/**
 * Lines of the table, indented by two.
 *
 * @param ways what is compared; the first is streaming. @param alone a device without a server: it writes another text,
 *   so its speed is compared with nothing.
 */
export function comparisonTable(
  ways: readonly ContenderSamples[],
  alone: ContenderSamples | null,
): string {
  const head = ['', 'tokens/s', 'to streaming', 'accepted', 'messages/token', 'bytes/token'];
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

/** What a reader needs to know why. */
export interface Circumstances {
  readonly roundTripMs: number;
  /** Of the target, as measured. */
  readonly passMs: number;
  /** Median tokens that one verdict of stop-and-wait brought. */
  readonly roundTokens: number;
}

/** Tokens of one text for each verdict it took. */
export const roundTokensOf = ({ samples }: ContenderSamples): number =>
  median(samples.map(({ tokenCount, verdictCount }) => tokenCount / verdictCount));

const spread = ({ median: middle, low, high }: Ratio, count: number): string =>
  count === 1
    ? `${middle.toFixed(2)} times streaming in one text`
    : `${middle.toFixed(2)} times streaming (${low.toFixed(2)} to ${high.toFixed(2)} over ${count} texts)`;

/** Closer than this to streaming is even: timers and neighbours on the machine do as much. */
const even = 0.03;

const wins = ({ median: middle, low }: Ratio): boolean => middle > 1 + even && low > 1 - even;
const loses = ({ median: middle, high }: Ratio): boolean => middle < 1 - even && high < 1 + even;

/**
 * Who was fastest and who lost, in sentences of one paragraph. To win is to be faster in the middle and not slower in any
 * text, but for 3 %; to lose is the reverse.
 *
 * @param ways as in comparisonTable, at least two.
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
  return `Nobody beat plain streaming: ${best.name} reached ${speed}, which is even or too uneven to tell.${slower}`;
}

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

/** The arithmetic behind it, in sentences of one paragraph: what a wait costs against what it brings. */
export function reasonText({ roundTripMs, passMs, roundTokens }: Circumstances): string {
  const roundMs = roundTripMs + passMs;
  const waited = roundMs / roundTokens;
  const brought = roundTokens.toFixed(1);
  const waits = `Whoever waits for a verdict pays the way there and back and a pass, ${roundMs.toFixed(0)} ms, for the ${brought} tokens that a round brought: at best ${waited.toFixed(0)} ms a token.`;
  const streams = `Streaming pays a pass, ${passMs.toFixed(passMs < 10 ? 1 : 0)} ms, and the way once.`;
  const races =
    passMs > roundTripMs / roundTokens
      ? 'Race never waits: the server writes on while drafts are under way and checks those that come in time.'
      : `While a draft and its verdict are under way, this target writes ${(roundTripMs / passMs).toFixed(0)} tokens by itself: no draft brings as many, nearly all come too late, each that is in time makes a pass longer, and drafting takes processor time that server and devices share here.`;
  return `${waits} ${streams} ${races}`;
}
