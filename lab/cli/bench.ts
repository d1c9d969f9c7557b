// Adds the commands `engine` and `loop`: each times parts of the program as ratios inside one run,
// and prints tables. Their words are in lab/report/text.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { PilotfishError } from '../../src/base/error.js';
import { flag, jsonFlag } from '../../src/cli/flags/flags.js';
import { packageVersion } from '../../src/cli/package-root.js';
import type { Terminal } from '../../src/cli/screen/terminal.js';
import { benchBranches, benchRunnersUp } from '../engine/ahead-bench.js';
import { benchExits } from '../engine/exit-bench.js';
import { benchHints } from '../engine/exit-quality.js';
import { benchPasses } from '../engine/pass-bench.js';
import { benchRows } from '../engine/row-bench.js';
import { autoGrid, benchAuto } from '../loop/auto-bench.js';
import { benchEyes } from '../loop/eyes-bench.js';
import { type RecordedTexts, recordTexts } from '../loop/loop-fixture.js';
import { benchRace, raceGrid } from '../loop/race-bench.js';
import { benchStack } from '../loop/stack-bench.js';
import type { OnRow } from '../paired.js';
import { rowText } from '../report/figures.js';
import { type Cells, type Measured, tablesFrom, textHead } from '../report/text.js';
import { compareSendings } from '../virtual/coalescing.js';
import { type BenchModels, benchModels } from '../weights/bench-models.js';
import { machineLine } from './machine.js';
import { tableText } from './table-text.js';

interface BenchContext {
  readonly models: BenchModels;
  readonly quick: boolean;
  readonly onRow: OnRow;
}

/** Each measures one thing. @returns rows of the table of its name, or of several tables. */
type BenchPart = (context: BenchContext) => Promise<readonly Cells[] | Measured['tables']>;
type BenchParts = Readonly<Record<string, BenchPart>>;

const benches: Readonly<Record<string, BenchParts>> = {
  engine: {
    passes: ({ models, quick, onRow }) =>
      benchPasses(models.wideVocabulary(), quick ? 8 : 24, onRow),
    rows: ({ onRow }) => benchRows(onRow),
    exits: ({ models, quick, onRow }) => benchExits(models, quick ? 8 : 24, onRow),
    hints: ({ models, quick, onRow }) => benchHints(models, quick ? 4 : 16, onRow),
    async ahead({ models, quick, onRow }) {
      const turns = quick ? 8 : 24;
      const [draft, target] = [models.draft(), models.target()];
      const paths = { 'bundled draft': draft, 'bundled target, as a draft': target };
      return {
        'runners-up': await benchRunnersUp(draft, turns, onRow),
        branches: await benchBranches(paths, turns, onRow),
      };
    },
  },
  loop: {
    stack: ({ quick, onRow }) => benchStack(quick ? 3 : 9, onRow),
    eyes: ({ models, quick, onRow }) => benchEyes(models.seeing(), quick ? 12 : 60, onRow),
    race: ({ models, quick, onRow }) => {
      const grid = { ...raceGrid, turns: quick ? 3 : 8 };
      return withTexts(models, grid.turns, (paths, texts) =>
        benchRace(paths.target, texts, grid, onRow),
      );
    },
    auto: ({ models, quick, onRow }) => {
      const grid = { ...autoGrid, turns: quick ? 2 : 5 };
      // One more text for the warm-up.
      return withTexts(models, grid.turns + 1, (paths, texts) =>
        benchAuto(paths, texts, grid, onRow),
      );
    },
    async sending({ quick, onRow }) {
      const rows = compareSendings(quick ? 3 : 20, (row) => onRow({ ...row }));
      return rows.map(({ sending: sends, acceptanceRate: accepted, passNoise: _, ...row }) => {
        const atOnce = rows.find(
          (other) =>
            other.sending === 'at-once' &&
            other.roundTripMs === row.roundTripMs &&
            other.jitterMs === row.jitterMs,
        )!;
        return { ...row, sends, accepted, delay: 100 * (row.tokenMs / atOnce.tokenMs - 1) };
      });
    },
  },
};

/** Runs a part with recorded texts of the bundled models, and closes them. */
async function withTexts<Result>(
  models: BenchModels,
  count: number,
  run: (paths: { target: string; draft: string }, texts: RecordedTexts) => Promise<Result>,
): Promise<Result> {
  const paths = { target: models.target(), draft: models.draft() };
  const texts = await recordTexts(paths, count, 96);
  try {
    return await run(paths, texts);
  } finally {
    await texts.close();
  }
}

interface BenchOptions {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly folder: string;
  readonly part: readonly string[];
}

/** Adds the commands that time parts of the program on this machine. */
export function addBenches(lab: Command, terminal: Terminal): void {
  for (const [name, parts] of Object.entries(benches)) {
    const { title, question } = textHead(name);
    const names = Object.keys(parts);
    lab
      .command(name)
      .summary(title)
      .description(question)
      .addOption(flag('--part <names...>', 'only these parts').choices(names).default(names, 'all'))
      .addOption(quickFlag())
      .addOption(folderFlag())
      .addOption(jsonFlag())
      .action((options: BenchOptions) => runBench(name, parts, options, terminal));
  }
}

export const quickFlag = (): Option => flag('--quick', 'fewer turns, wider intervals');

export const folderFlag = (): Option =>
  flag('--folder <path>', 'where the models made for the benchmark are kept').default(
    join(tmpdir(), 'pilotfish-bench'),
  );

const isOne = (rows: Awaited<ReturnType<BenchPart>>): rows is readonly Cells[] =>
  Array.isArray(rows);

async function runBench(
  id: string,
  parts: BenchParts,
  options: BenchOptions,
  terminal: Terminal,
): Promise<void> {
  const say = (text: string): void => {
    if (!options.json) terminal.out.write(`${text}\n`);
  };
  say(`pilotfish ${packageVersion()}, ${machineLine()}`);
  const goOn = (): void => {
    if (terminal.signal.aborted) throw new PilotfishError('cancelled', 'the benchmark was stopped');
  };
  // Told at every step of a part: where one can be stopped.
  const note = (text: string): void => {
    goOn();
    terminal.err.write(`${text}\n`);
  };
  const models = benchModels(options.folder, note);
  const results: Record<string, unknown> = { machine: machineLine() };
  const onRow: OnRow = (row) => note(rowText(row));
  for (const [name, part] of Object.entries(parts)) {
    if (!options.part.includes(name)) continue;
    goOn();
    const read = await part({ models, quick: options.quick === true, onRow });
    const rows: Measured['tables'] = isOne(read) ? { [name]: read } : read;
    Object.assign(results, rows);
    for (const table of tablesFrom(id, rows)) say(`\n${tableText(table)}`);
  }
  if (options.json) terminal.out.write(`${JSON.stringify(results, null, 2)}\n`);
}
