// `npm run lab -- engine --part ahead`: what drafting ahead asks of a draft model. Prints tables; the work is
// lab/engine/ahead-bench.ts.

import { formatTable } from '../../src/cli/screen/table.js';
import {
  type BranchRow,
  benchBranches,
  benchRunnersUp,
  type RunnersUpRow,
} from '../engine/ahead-bench.js';
import type { PairedRatio } from '../paired.js';
import type { BenchModels } from '../weights/bench-models.js';

/** What the part is given. */
export interface AheadContext {
  readonly models: BenchModels;
  readonly quick: boolean;
  readonly say: (text: string) => void;
  readonly note: (text: string) => void;
}

/** @returns what --json shows. */
export async function benchAhead({ models, quick, say, note }: AheadContext): Promise<unknown> {
  const turns = quick ? 8 : 24;
  const runnersUp = await benchRunnersUp(models.draft(), turns, (row) =>
    note(`${row.scheme} with runners-up: ${timeText(row)}`),
  );
  say('\nRunners-up: time of a drafted token with them in units of one without (bundled draft)');
  say(runnersUpTable(runnersUp));
  const paths = { 'bundled draft': models.draft(), 'bundled target, as a draft': models.target() };
  const branches = await benchBranches(paths, turns, (row) =>
    note(`${row.model}, ${row.branchCount} branches: ${timeText(row)}`),
  );
  say('\nBranches: time of one pass over all of them in units of a pass for each');
  say(branchTable(branches));
  return { runnersUp, branches };
}

/** The ratio of speeds as one of times. */
const timeText = ({ median, low, high }: PairedRatio): string =>
  `${(1 / median).toFixed(3)} [${(1 / high).toFixed(3)}, ${(1 / low).toFixed(3)}]`;

function runnersUpTable(rows: readonly RunnersUpRow[]): string {
  const body = rows.map((row) => [
    row.scheme,
    String(row.runnersUpMax),
    timeText(row),
    ((1000 * (row.subjectMs - row.baselineMs)) / row.tokenCount).toFixed(0),
    (row.baselineMs / row.tokenCount).toFixed(3),
  ]);
  const head = ['scheme', 'runners-up', 'with / without [95 %]', 'µs more', 'ms without'];
  return formatTable([head, ...body], { align: ['left', 'right', 'right', 'right', 'right'] });
}

function branchTable(rows: readonly BranchRow[]): string {
  const body = rows.map((row) => [
    row.model,
    String(row.branchCount),
    timeText(row),
    row.baselineMs.toFixed(1),
  ]);
  const head = ['draft model', 'branches', 'one pass / passes [95 %]', 'ms in passes'];
  return formatTable([head, ...body], { align: ['left', 'right', 'right', 'right'] });
}
