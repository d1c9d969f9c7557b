// Writes the closing lines of a text in plain words: length, speed, reason of the end, drafts,
// traffic. Pure.

import type { Statistics } from '../../device/index.js';
import type { DrafterName } from '../flags/draft-flags.js';
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

const endTexts: Readonly<Record<TextEnd, string>> = {
  'end-of-text': 'the model ended the text',
  length: '--max-tokens reached',
  context: 'the context is full',
  stop: 'stop string found',
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
  return `${tokens(tokenCount)} in ${time}, seed ${seed}; ${endTexts[end]}`;
}

export interface DraftSummary {
  readonly draftedCount: number;
  readonly testedCount: number;
  readonly acceptedCount: number;
}

/** `drafts: 34 tokens drafted, 17 tested by the target, 13 accepted (76.5 %)`, or `whyNone`. */
export function draftLine(counts: DraftSummary, whyNone: string): string {
  const { draftedCount, testedCount, acceptedCount } = counts;
  if (testedCount === 0) return `drafts: none tested, ${whyNone}`;
  const share = formatShare(acceptedCount / testedCount);
  return `drafts: ${tokens(draftedCount)} drafted, ${formatCount(testedCount)} tested by the target, ${formatCount(acceptedCount)} accepted (${share})`;
}

const sourceTexts: Readonly<Record<keyof Statistics['sources'], string>> = {
  device: 'from drafts here that came in time',
  model: "drafted by the server's model",
  suffix: 'found in the text by the server',
  target: 'by the target itself',
};

/**
 * `tokens: 13 from drafts here that came in time, 17 by the target itself`; nothing where all are
 * the target's. Tested drafts that all came late are told as 0.
 */
export function sourceLines({ sources, testedCount }: Statistics): string[] {
  if (sources.device + sources.model + sources.suffix === 0) return [];
  const parts = Object.entries(sourceTexts).flatMap(([source, text]) => {
    const count = sources[source as keyof typeof sourceTexts];
    const isTold = count > 0 || (source === 'device' && testedCount > 0);
    return isTold ? [`${formatCount(count)} ${text}`] : [];
  });
  return [`tokens: ${parts.join(', ')}`];
}

/** The reason for advice against drafts that are accepted. */
const adviceText = 'testing a draft costs the server as much time as it saves';

type DrafterKind = DrafterName['kind'];

/** Why a drafter that had time drafted nothing; null: this kind drafts whenever it has time. */
export const whySilent: { readonly [kind in Exclude<DrafterKind, 'none'>]: string | null } = {
  model: null,
  suffix: 'because nothing in the text repeats',
};

/** How an answer was drafted. */
export interface Drafted {
  readonly kind: DrafterKind;
  readonly isStreamed: boolean;
}

/** The reason why the target tested no draft: one clause. */
export function whyUntested(statistics: Statistics, { kind, isStreamed }: Drafted): string {
  const { draftedCount, tokenCount, verdictCount, draftMs, verifyMs, roundTripMs } = statistics;
  if (isStreamed) return 'because the device sends none in --mode stream or co-located';
  if (kind === 'none') return 'because there is no drafter here';
  if (verdictCount === 0) return 'because no server has answered';
  if (statistics.pauseCount > 0) return 'because drafting was paused: it is slower than the server';
  if (statistics.advisedDraftLength === 0) return `because ${adviceText}`;
  if (draftedCount === 0 && whySilent[kind] !== null) return whySilent[kind];
  if (verdictCount <= 1 || tokenCount <= 2) return 'because the answer was too short';
  if (draftedCount === 0) return 'because the draft model was not ready in time';
  const drafted = `all ${formatCount(draftedCount)} came too late`;
  if (draftMs !== null && verifyMs !== null && draftMs >= verifyMs) {
    return `${drafted}: a token takes ${formatDuration(draftMs)} here and ${formatDuration(verifyMs)} on the server`;
  }
  const time = roundTripMs === null ? '' : ` of ${formatDuration(roundTripMs)}`;
  return `${drafted}: the server went on writing during the round trip${time}`;
}

/** `server: 38 messages and 480 B up, 24 messages and 330 B down; round trip 13.8 ms`. */
export function wireLine(statistics: Statistics): string {
  const { upMessageCount, upBytes, downMessageCount, downBytes, roundTripMs } = statistics;
  const traffic = (count: number, bytes: number, where: string): string =>
    `${formatCount(count)} ${count === 1 ? 'message' : 'messages'} and ${formatBytes(bytes)} ${where}`;
  const trip = roundTripMs === null ? '' : `; round trip ${formatDuration(roundTripMs)}`;
  return `server: ${traffic(upMessageCount, upBytes, 'up')}, ${traffic(downMessageCount, downBytes, 'down')}${trip}`;
}

/** Lines for rarer events: provisional text, branches, a lost link, paused drafting. */
export function eventLines(statistics: Statistics): string[] {
  const { provisionalCount, retractedCount, pauseCount, pausedMs, resumeCount } = statistics;
  const lines: string[] = [];
  if (provisionalCount > 0) {
    lines.push(
      `provisional: ${tokens(provisionalCount)} drafted while the server was away, ${formatCount(retractedCount)} of them retracted`,
    );
  }
  if (statistics.branchTokenCount > 0) lines.push(aheadLine(statistics));
  if (resumeCount > 0) lines.push(`link: lost and restored ${times(resumeCount)}`);
  if (pauseCount > 0) {
    lines.push(`drafting was paused for ${formatDuration(pausedMs)}: it is slower than the server`);
  }
  // While the server was away, drafting went on against its advice and may have written the end.
  if (statistics.advisedDraftLength === 0 && statistics.testedCount > 0 && provisionalCount === 0) {
    lines.push(`drafting stopped before the end of the text: ${adviceText}`);
  }
  return lines;
}

/** `ahead: 40 tokens drafted for corrections, 12 of them used; 5 of 14 corrections predicted`. */
function aheadLine(statistics: Statistics): string {
  const { branchTokenCount, branchUsedCount, runnerUpHitCount, hintHitCount, branchMissCount } =
    statistics;
  const predicted = runnerUpHitCount + hintHitCount;
  const byHints = hintHitCount > 0 ? `, ${formatCount(hintHitCount)} of them by hints` : '';
  return `ahead: ${tokens(branchTokenCount)} drafted for corrections, ${formatCount(branchUsedCount)} of them used; ${formatCount(predicted)} of ${formatCount(predicted + branchMissCount)} corrections predicted${byHints}`;
}

/** Prints the lines on stderr, dim, after an empty line where the text is on the same screen. */
export function printLines(lines: readonly string[], { out, err, env }: Terminal): void {
  const paint = painter(colourWanted(err, env));
  const shown = lines.map((line) => paint('dim', paragraph(line, err)));
  err.write(`${out.isTTY ? '\n' : ''}${shown.join('\n')}\n`);
}

const tokens = (count: number): string =>
  `${formatCount(count)} ${count === 1 ? 'token' : 'tokens'}`;
const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
