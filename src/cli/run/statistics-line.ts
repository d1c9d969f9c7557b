// What is said of an answer when it is done, on one line. Pure: numbers in, words out.

import type { Statistics } from '../../device/index.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  formatTokenRate,
} from '../numbers.js';

/** `40 tokens, 37 tokens/s | accepted 26 of 39 tested (66.7 %), chain survived 60.6 % | ...` without line break. */
export function statisticsLine(statistics: Statistics, seed: bigint): string {
  const { tokenCount, totalMs } = statistics;
  return [
    `${formatCount(tokenCount)} ${tokenCount === 1 ? 'token' : 'tokens'}, ${formatTokenRate(tokenCount, totalMs)}`,
    draftWords(statistics),
    wireWords(statistics),
    timeWords(statistics),
    ...pauseWords(statistics),
    ...provisionalWords(statistics),
    `seed ${seed}`,
  ].join(' | ');
}

function draftWords({
  testedCount,
  acceptedCount,
  acceptanceRate,
  chainSurvival,
}: Statistics): string {
  if (acceptanceRate === null) return 'no draft was tested';
  const counts = `accepted ${formatCount(acceptedCount)} of ${formatCount(testedCount)} tested`;
  const survival = chainSurvival === null ? '' : `, chain survived ${formatShare(chainSurvival)}`;
  return `${counts} (${formatShare(acceptanceRate)})${survival}`;
}

function wireWords(statistics: Statistics): string {
  const { tokenCount, upMessageCount, downMessageCount, upBytes, downBytes } = statistics;
  const each = (count: number): string => (count / Math.max(1, tokenCount)).toFixed(2);
  const bytes = (count: number): string => formatBytes(count / Math.max(1, tokenCount));
  return `a token: ${each(upMessageCount)} messages ${bytes(upBytes)} up, ${each(downMessageCount)} messages ${bytes(downBytes)} down`;
}

function timeWords({ roundTripMs, draftMs, verifyMs }: Statistics): string {
  const words = (name: string, ms: number | null): string =>
    `${name} ${ms === null ? '-' : formatDuration(ms)}`;
  return [words('round trip', roundTripMs), words('draft', draftMs), words('pass', verifyMs)].join(
    ', ',
  );
}

function pauseWords({ pauseCount, pausedMs }: Statistics): string[] {
  if (pauseCount === 0) return [];
  return [`drafting rested ${formatDuration(pausedMs)}: it cannot overtake the server`];
}

function provisionalWords({ provisionalCount, retractedCount }: Statistics): string[] {
  if (provisionalCount === 0) return [];
  return [
    `${formatCount(provisionalCount)} shown provisionally, ${formatCount(retractedCount)} taken back`,
  ];
}
