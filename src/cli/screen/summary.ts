// What is said of a text when it is done, for a reader who knows none of the words: how much, how fast, why it ended,
// what became of the drafts, what went over the wire. Numbers in, lines out.

import type { Statistics } from '../../device/index.js';
import { paragraph } from './line-fit.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  formatTokenRate,
} from './numbers.js';
import { colourWanted, painter, type Terminal } from './terminal.js';

/** Why a text ended. */
export type TextEnd = 'end-of-text' | 'length' | 'context' | 'stop' | 'interrupted';

const endWords: Readonly<Record<TextEnd, string>> = {
  'end-of-text': 'the model ended the text',
  length: '--max-tokens is reached',
  context: 'the context is full',
  stop: 'a stop string came',
  interrupted: 'stopped with Ctrl-C',
};

export interface TextFacts {
  readonly tokenCount: number;
  readonly ms: number;
  readonly end: TextEnd;
  readonly seed: bigint;
}

/** `128 tokens in 920 ms (139 tokens/s), seed 42; --max-tokens is reached`. */
export function textLine({ tokenCount, ms, end, seed }: TextFacts): string {
  const time = `${formatDuration(ms)} (${formatTokenRate(tokenCount, ms)})`;
  return `${tokens(tokenCount)} in ${time}, seed ${seed}; ${endWords[end]}`;
}

export interface DraftCounts {
  readonly draftedCount: number;
  readonly testedCount: number;
  readonly acceptedCount: number;
}

/**
 * `drafts: 34 tokens drafted, 17 tested by the target, 13 accepted (76.5 %)`.
 *
 * @param whyNone said where nothing was tested.
 */
export function draftLine(counts: DraftCounts, whyNone: string): string {
  const { draftedCount, testedCount, acceptedCount } = counts;
  if (testedCount === 0) return `drafts: none tested, ${whyNone}`;
  const share = formatShare(acceptedCount / testedCount);
  return `drafts: ${tokens(draftedCount)} drafted, ${formatCount(testedCount)} tested by the target, ${formatCount(acceptedCount)} accepted (${share})`;
}

/** Why a device drafts no more although its drafts stand: one clause. */
const adviceWords = 'testing a draft costs the server as much time as it saves';

/** How an answer of a server was drafted. */
export interface Drafted {
  readonly kind: 'model' | 'ngram' | 'none';
  readonly isStreamed: boolean;
}

/** Why the target tested no draft of an answer: one clause. */
export function whyUntested(statistics: Statistics, { kind, isStreamed }: Drafted): string {
  const { draftedCount, tokenCount, verdictCount, draftMs, verifyMs, roundTripMs } = statistics;
  if (kind === 'none') return 'because nothing drafts here: the server wrote alone';
  if (isStreamed) return 'because --mode stream has the server write alone';
  if (verdictCount === 0) return 'because no server has answered';
  if (statistics.pauseCount > 0) return 'because drafting rested: it cannot overtake the server';
  if (statistics.advisedDraftLength === 0) return `because ${adviceWords}`;
  if (draftedCount === 0 && kind === 'ngram') return 'because nothing in the text repeats';
  if (verdictCount <= 1 || tokenCount <= 2) return 'because the answer was over too soon';
  if (draftedCount === 0) return 'because the draft model was not ready in time';
  const drafted = `all ${formatCount(draftedCount)} came too late`;
  if (draftMs !== null && verifyMs !== null && draftMs >= verifyMs) {
    return `${drafted}: a token takes ${formatDuration(draftMs)} here and ${formatDuration(verifyMs)} on the server`;
  }
  const way = roundTripMs === null ? '' : ` of ${formatDuration(roundTripMs)} there and back`;
  return `${drafted}: the server wrote on during the way${way}`;
}

/** `server: 38 messages and 480 B up, 24 messages and 330 B down; 13.8 ms there and back`. */
export function wireLine(statistics: Statistics): string {
  const { upMessageCount, upBytes, downMessageCount, downBytes, roundTripMs } = statistics;
  const way = (count: number, bytes: number, where: string): string =>
    `${formatCount(count)} ${count === 1 ? 'message' : 'messages'} and ${formatBytes(bytes)} ${where}`;
  const trip = roundTripMs === null ? '' : `; ${formatDuration(roundTripMs)} there and back`;
  return `server: ${way(upMessageCount, upBytes, 'up')}, ${way(downMessageCount, downBytes, 'down')}${trip}`;
}

/** What else is worth a line: text that was shown before its time, drafting that rested, a link that was lost. */
export function eventLines(statistics: Statistics): string[] {
  const { provisionalCount, retractedCount, pauseCount, pausedMs, resumeCount } = statistics;
  const lines: string[] = [];
  if (provisionalCount > 0) {
    lines.push(
      `provisional: ${tokens(provisionalCount)} drafted without the server, ${formatCount(retractedCount)} of them taken back`,
    );
  }
  if (statistics.branchTokenCount > 0) lines.push(aheadLine(statistics));
  if (resumeCount > 0) lines.push(`link: lost and found again ${times(resumeCount)}`);
  if (pauseCount > 0) {
    lines.push(`drafting rested for ${formatDuration(pausedMs)}: it cannot overtake the server`);
  }
  // Without the server drafts go on, whatever it has advised, and may well have written the end.
  if (statistics.advisedDraftLength === 0 && statistics.testedCount > 0 && provisionalCount === 0) {
    lines.push(`drafting ended before the text did: ${adviceWords}`);
  }
  return lines;
}

/** `ahead: 40 tokens drafted for corrections, 12 of them used; 5 of 14 corrections foreseen, 2 of them by hints`. */
function aheadLine(statistics: Statistics): string {
  const { branchTokenCount, branchUsedCount, runnerUpHitCount, hintHitCount, branchMissCount } =
    statistics;
  const foreseen = runnerUpHitCount + hintHitCount;
  const byHints = hintHitCount > 0 ? `, ${formatCount(hintHitCount)} of them by hints` : '';
  return `ahead: ${tokens(branchTokenCount)} drafted for corrections, ${formatCount(branchUsedCount)} of them used; ${formatCount(foreseen)} of ${formatCount(foreseen + branchMissCount)} corrections foreseen${byHints}`;
}

/** Prints the lines on stderr, dim; on one screen with the text they need some air. */
export function printLines(lines: readonly string[], { out, err, env }: Terminal): void {
  const paint = painter(colourWanted(err, env));
  const shown = lines.map((line) => paint('dim', paragraph(line, err)));
  err.write(`${out.isTTY ? '\n' : ''}${shown.join('\n')}\n`);
}

const tokens = (count: number): string =>
  `${formatCount(count)} ${count === 1 ? 'token' : 'tokens'}`;
const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
