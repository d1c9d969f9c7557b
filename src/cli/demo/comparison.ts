// The target alone against the target with its draft, text by text: times, and what they mean in words. Claims a
// difference only where the spread of the turns lies on one side of 1.

import { medianInterval } from '../../bench/paired.js';
import { median } from '../../math/statistics.js';
import type { Generation } from '../generate/generation.js';
import { formatDuration, formatShare } from '../numbers.js';
import { formatTable } from '../table.js';

/** One text, written both ways. */
export interface Turn {
  readonly alone: Generation;
  readonly together: Generation;
}

/** Sums over all turns of one way. */
export interface WayTotals {
  readonly tokenCount: number;
  readonly generationMs: number;
  readonly passCount: number;
  readonly passMs: number;
  readonly draftMs: number;
  readonly draftedCount: number;
  readonly testedCount: number;
  readonly acceptedCount: number;
}

export interface Comparison {
  readonly turnCount: number;
  readonly alone: WayTotals;
  readonly together: WayTotals;
  /** Speed with the draft in units of the target's alone: median over the texts, and the interval of medianInterval. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** @param turns [n >= 1], each way with some tokens. */
export function compare(turns: readonly Turn[]): Comparison {
  // Time for each token: a near tie may have let the two texts part, and one of them end earlier.
  const ratios = turns.map(({ alone, together }) => perToken(alone) / perToken(together));
  return {
    turnCount: turns.length,
    alone: totals(turns.map(({ alone }) => alone)),
    together: totals(turns.map(({ together }) => together)),
    ratio: median(ratios),
    ...medianInterval(ratios),
  };
}

const perToken = ({ generationMs, tokens }: Generation): number => generationMs / tokens.length;

function totals(generations: readonly Generation[]): WayTotals {
  const sum = (of: (generation: Generation) => number): number =>
    generations.reduce((total, generation) => total + of(generation), 0);
  return {
    tokenCount: sum(({ tokens }) => tokens.length),
    generationMs: sum(({ generationMs }) => generationMs),
    passCount: sum(({ targetTimes }) => targetTimes.passCount),
    passMs: sum(({ targetTimes }) => targetTimes.passMs),
    draftMs: sum(({ draftTimes }) => draftTimes.draftMs),
    draftedCount: sum(({ draftTimes }) => draftTimes.draftedCount),
    testedCount: sum(({ tally }) => tally.testedCount),
    acceptedCount: sum(({ tally }) => tally.acceptedCount),
  };
}

/** Lines of the table, indented by two. */
export function comparisonTable({ alone, together }: Comparison): string {
  const head = ['', 'tokens/s', 'tokens a pass', 'accepted', 'pass', 'draft token'];
  const rows = [head, row('target alone', alone), row('with the draft', together)];
  const align = ['left', 'right', 'right', 'right', 'right', 'right'] as const;
  return formatTable(rows, { align, indent: '  ' });
}

const row = (name: string, way: WayTotals): string[] => [
  name,
  ((way.tokenCount / way.generationMs) * 1000).toFixed(0),
  (way.tokenCount / way.passCount).toFixed(2),
  way.testedCount > 0 ? formatShare(way.acceptedCount / way.testedCount) : '-',
  formatDuration(way.passMs / way.passCount),
  way.draftedCount > 0 ? formatDuration(way.draftMs / way.draftedCount) : '-',
];

/** Who was faster, in one sentence. */
export function verdictWords({ ratio, low, high, turnCount }: Comparison): string {
  const spread = `${ratio.toFixed(2)} times the speed of the target alone (${low.toFixed(2)} to ${high.toFixed(2)} over ${turnCount} texts)`;
  if (low > 1) return `On this machine, now, the draft made it faster: ${spread}.`;
  if (high < 1) return `On this machine, now, the draft made it slower: ${spread}.`;
  return `On this machine, now, the two are too close to tell apart: ${spread}.`;
}

/** Where the time went and what would change with a large target, as sentences of one paragraph. */
export function whyWords({ alone, together }: Comparison): string {
  const tokensPerRound = together.tokenCount / together.passCount;
  const checkMs = together.passMs / together.passCount;
  const draftMs = together.draftMs / together.passCount;
  const aloneMs = alone.passMs / alone.passCount;
  const drafted = (together.draftedCount / together.passCount).toFixed(1);
  const draftShare = Math.round((together.draftMs / together.draftedCount / aloneMs) * 100);
  return [
    `Why: a round took ${formatDuration(draftMs)} to draft ${drafted} tokens and ${formatDuration(checkMs)} to check them,`,
    `and brought ${tokensPerRound.toFixed(1)} tokens; the target alone takes ${formatDuration(aloneMs * tokensPerRound)} for as many.`,
    `To this small target a draft of ${drafted} tokens costs ${(checkMs / aloneMs).toFixed(1)} times as much to check as one token to`,
    `write, and drafting one token ${draftShare} % of writing it: that leaves little to gain. Drafts pay where a pass over a`,
    `few tokens takes hardly longer than over one, as with large models, whose passes wait for weights from memory, and`,
    `where a drafted token costs a few percent of a pass: then the ${tokensPerRound.toFixed(1)} tokens a pass are what counts.`,
  ].join(' ');
}
