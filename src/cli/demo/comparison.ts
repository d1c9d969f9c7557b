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

/** All turns of one way: counts are sums, times are medians over the texts, so that one disturbed text is outvoted. */
export interface Way {
  readonly tokensPerSecond: number;
  readonly tokensPerPass: number;
  /** Milliseconds of a target pass, and of drafting one token and one round; NaN without drafts. */
  readonly passMs: number;
  readonly draftTokenMs: number;
  readonly draftRoundMs: number;
  readonly draftedPerPass: number;
  /** In [0, 1]; NaN without drafts. */
  readonly acceptanceRate: number;
}

export interface Comparison {
  readonly turnCount: number;
  readonly alone: Way;
  readonly together: Way;
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
    alone: wayOf(turns.map(({ alone }) => alone)),
    together: wayOf(turns.map(({ together }) => together)),
    ratio: median(ratios),
    ...medianInterval(ratios),
  };
}

const perToken = ({ generationMs, tokens }: Generation): number => generationMs / tokens.length;

function wayOf(generations: readonly Generation[]): Way {
  const total = (of: (generation: Generation) => number): number =>
    generations.reduce((sum, generation) => sum + of(generation), 0);
  const usual = (of: (generation: Generation) => number): number => median(generations.map(of));
  const passCount = total(({ targetTimes }) => targetTimes.passCount);
  const draftedCount = total(({ draftTimes }) => draftTimes.draftedCount);
  const testedCount = total(({ tally }) => tally.testedCount);
  return {
    tokensPerSecond: usual((generation) => 1000 / perToken(generation)),
    tokensPerPass: total(({ tokens }) => tokens.length) / passCount,
    passMs: usual(({ targetTimes }) => targetTimes.passMs / targetTimes.passCount),
    draftTokenMs: usual(({ draftTimes }) => draftTimes.draftMs / draftTimes.draftedCount),
    draftRoundMs: usual(
      ({ draftTimes, targetTimes }) => draftTimes.draftMs / targetTimes.passCount,
    ),
    draftedPerPass: draftedCount / passCount,
    acceptanceRate: total(({ tally }) => tally.acceptedCount) / testedCount,
  };
}

/** Lines of the table, indented by two. */
export function comparisonTable({ alone, together }: Comparison): string {
  const head = ['', 'tokens/s', 'tokens a pass', 'accepted', 'pass', 'draft token'];
  const rows = [head, row('target alone', alone), row('with the draft', together)];
  const align = ['left', 'right', 'right', 'right', 'right', 'right'] as const;
  return formatTable(rows, { align, indent: '  ' });
}

const row = (name: string, way: Way): string[] => [
  name,
  way.tokensPerSecond.toFixed(0),
  way.tokensPerPass.toFixed(2),
  way.draftedPerPass > 0 ? formatShare(way.acceptanceRate) : '-',
  formatDuration(way.passMs),
  way.draftedPerPass > 0 ? formatDuration(way.draftTokenMs) : '-',
];

/** Who was faster, in one sentence. */
export function verdictWords({ ratio, low, high, turnCount }: Comparison): string {
  const spread = `${ratio.toFixed(2)} times the speed of the target alone (${low.toFixed(2)} to ${high.toFixed(2)} over ${turnCount} texts)`;
  if (low > 1) return `On this machine, now, the draft made it faster: ${spread}.`;
  if (high < 1) return `On this machine, now, the draft made it slower: ${spread}.`;
  return `This run is too short or too disturbed to tell which is faster: ${spread}.`;
}

/** Where the time went and what would change with a large target, as sentences of one paragraph. */
export function whyWords({ alone, together }: Comparison): string {
  const drafted = together.draftedPerPass.toFixed(1);
  const tokens = together.tokensPerPass.toFixed(1);
  const aloneMs = alone.passMs * together.tokensPerPass;
  const draftShare = Math.round((together.draftTokenMs / alone.passMs) * 100);
  const checkCost = (together.passMs / alone.passMs).toFixed(1);
  return [
    `Why: a round took ${formatDuration(together.draftRoundMs)} to draft ${drafted} tokens and ${formatDuration(together.passMs)} to check them,`,
    `and brought ${tokens} tokens; the target alone takes ${formatDuration(aloneMs)} for as many.`,
    `To this small target a draft of ${drafted} tokens costs ${checkCost} times as much to check as one token to`,
    `write, and drafting one token ${draftShare} % of writing it: that leaves little to gain. Drafts pay where a pass over a`,
    `few tokens takes hardly longer than over one, as with large models, whose passes wait for weights from memory, and`,
    `where a drafted token costs a few percent of a pass: then the ${tokens} tokens a pass are what counts.`,
  ].join(' ');
}
