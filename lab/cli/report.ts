// Adds `report` and a command for each experiment: runs it, prints, and where a folder is named
// writes the result, its plots and the pages. Knows the clock and git; the experiments do not.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { PilotfishError } from '../../src/base/error.js';
import { chanceSeedFlag, flag, jsonFlag, wholeNumber } from '../../src/cli/flags/flags.js';
import type { Terminal } from '../../src/cli/screen/terminal.js';
import { experiments } from '../experiments/index.js';
import type { Experiment } from '../report/experiment.js';
import type { Drawn } from '../report/page.js';
import { readResults, writePages, writePlots, writeResult } from '../report/report-files.js';
import type { Result } from '../report/result.js';
import { resultText } from '../report/result-file.js';
import { findingsOf, textHead } from '../report/text.js';
import { chaosTrial } from '../trials/chaos.js';
import { costlyTrial } from '../trials/costly.js';
import { soakTrial } from '../trials/soak.js';
import { stormTrial } from '../trials/storm.js';
import { ServicePool } from '../virtual/service-pool.js';
import { benchModels } from '../weights/bench-models.js';
import { folderFlag, quickFlag } from './bench.js';
import { commitText, machineLine, today } from './machine.js';
import { type BenchProgress, benchProgress } from './progress.js';
import { tableText } from './table-text.js';

interface RunOptions {
  readonly quick?: boolean;
  readonly seed: number;
  readonly folder: string;
  readonly plots: boolean;
  readonly minutes?: number;
}

/** Absent `out`: nothing is written. */
type OneOptions = RunOptions & { readonly out?: string; readonly json?: boolean };

interface ReportOptions extends RunOptions {
  readonly out: string;
  readonly from?: string;
  readonly only?: readonly string[];
}

const layout = 'REPORT.md, report.html, tables/*.md, results/*.json, plots/*.svg';

/** Try to break a server; no part of the report, which asks what is fast. */
export const trials = [stormTrial, costlyTrial, chaosTrial, soakTrial];

/** A command for each experiment and trial, and one for all experiments. */
export function addExperiments(bench: Command, terminal: Terminal): void {
  for (const experiment of [...experiments, ...trials]) {
    const command = addExperiment(bench, experiment, terminal, () => experiment);
    if (experiment.takesMinutes === true)
      command.addOption(
        flag(
          '--minutes <n>',
          `how long it lasts instead of ${experiment.minutes - 1}`,
          wholeNumber(1, 10_080),
        ),
      );
  }
  const report = bench
    .command('report')
    .summary('all experiments, as pages with plots')
    .description(
      'Runs every experiment, draws its plots and writes results and pages under --out. Under 30 minutes on two cores; ' +
        'with --from it renders again what was run before, in seconds.',
    )
    .addOption(flag('--from <folder>', 'render the results of this folder, run nothing'))
    .addOption(
      flag('--only <ids...>', 'run only these, and render all that --out holds').choices(
        experiments.map(({ id }) => id),
      ),
    );
  addRunFlags(report);
  report.addOption(flag('--out <folder>', `where ${layout} are written`).makeOptionMandatory());
  report.action((options: ReportOptions) => runReport(options, terminal));
}

/** A command for one experiment. @returns it; its values make the experiment. */
export function addExperiment<Options>(
  bench: Command,
  { id, minutes }: Pick<Experiment, 'id' | 'minutes'>,
  terminal: Terminal,
  experimentOf: (options: Options) => Experiment,
): Command {
  const { title, question } = textHead(id);
  const command = bench
    .command(id)
    .summary(`${title[0]!.toLowerCase()}${title.slice(1)}`)
    .description(`${question} About ${minutes} minutes on two cores.`);
  addRunFlags(command);
  return command
    .addOption(flag('--out <folder>', 'also write the result and its plots under this folder'))
    .addOption(jsonFlag())
    .action((options: OneOptions & Options) => runOne(experimentOf(options), options, terminal));
}

function addRunFlags(command: Command): void {
  command
    .addOption(quickFlag())
    .addOption(chanceSeedFlag())
    .addOption(flag('--no-plots', 'draw nothing, so that vega need not be installed'))
    .addOption(folderFlag());
}

async function runOne(
  experiment: Experiment,
  options: OneOptions,
  terminal: Terminal,
): Promise<void> {
  const minutes = options.minutes ?? experiment.minutes;
  const progress = progressOf([{ ...experiment, minutes }], options);
  const result = await run(experiment, options, terminal, progress);
  terminal.out.write(options.json ? resultText(result) : `${screenText(result)}\n`);
  if (options.out === undefined) return;
  const written = [writeResult(options.out, result)];
  if (options.plots) written.push(...(await writePlots(options.out, result)).paths);
  terminal.err.write(`${written.map((path) => `wrote ${path}`).join('\n')}\n`);
}

async function runReport(options: ReportOptions, terminal: Terminal): Promise<void> {
  if (options.from === undefined) await runAll(options, terminal);
  const drawn: Drawn[] = [];
  for (const result of readResults(options.from ?? join(options.out, 'results'))) {
    drawn.push(
      options.plots
        ? (await writePlots(options.out, result)).drawn
        : { result: { ...result, plots: [] }, svgs: new Map<string, string>() },
    );
  }
  const pages = writePages(options.out, drawn);
  terminal.out.write(`${pages.map((path) => `wrote ${path}`).join('\n')}\n`);
}

async function runAll(options: ReportOptions, terminal: Terminal): Promise<void> {
  const wanted = experiments.filter(({ id }) => options.only?.includes(id) ?? true);
  const progress = progressOf(wanted, options);
  for (const experiment of wanted) {
    const path = writeResult(options.out, await run(experiment, options, terminal, progress));
    terminal.err.write(`[${progress.text()}] wrote ${path}\n`);
  }
}

/** Of a full run; a quick one takes about a fifth. */
const progressOf = (all: readonly Experiment[], { quick }: RunOptions): BenchProgress =>
  benchProgress(
    all.map(({ minutes }) => (quick ? minutes / 5 : minutes)),
    () => performance.now(),
  );

async function run(
  { id, flags = '', run: measure }: Experiment,
  { quick: isQuick = false, seed, folder, minutes: asked }: RunOptions,
  { err, signal }: Terminal,
  progress: BenchProgress,
): Promise<Result> {
  progress.begin();
  const minutes = asked ?? null;
  const note = (line: string): void => {
    err.write(`[${progress.text()}] ${id}: ${line}\n`);
  };
  const pool = new ServicePool(availableParallelism(), signal);
  const context = { models: benchModels(folder, note), isQuick, minutes, seed, note, signal };
  const stopped = new PilotfishError('cancelled', 'the experiment was stopped');
  const measured = await measure({ ...context, play: pool.play })
    .catch((reason) => {
      // A run that is stopped may lack what its result needs.
      throw signal.aborted ? stopped : reason;
    })
    .finally(() => pool.close());
  if (signal.aborted) throw stopped;
  const length = minutes === null ? '' : ` --minutes ${minutes}`;
  const command = `npm run lab -- ${id}${flags}${isQuick ? ' --quick' : ''}${length} --seed ${seed}`;
  const made = { seed, commit: commitText(), machine: machineLine(), date: today() };
  const provenance = { ...made, command, isQuick };
  return { id, ...textHead(id), provenance, ...findingsOf(id, measured) };
}

/** What a person reads of one result: claims, and the tables that are meant for people. */
function screenText({ question, claims, tables, notes }: Result): string {
  return [
    question,
    ...claims.map(({ text }) => `* ${text}`),
    ...tables.filter(({ isShown }) => isShown).map(tableText),
    ...notes.map((note) => `- ${note}`),
  ].join('\n\n');
}
