// Commands `engine`, `loop` and `api` of the lab: time parts of the program as ratios inside one run, and print tables.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { PilotfishError } from '../../src/base/error.js';
import { flag, jsonFlag } from '../../src/cli/flags/flags.js';
import { packageVersion } from '../../src/cli/package-root.js';
import { formatBytes, formatShare } from '../../src/cli/screen/numbers.js';
import { formatTable } from '../../src/cli/screen/table.js';
import type { Terminal } from '../../src/cli/screen/terminal.js';
import { benchFormats } from '../engine/format-bench.js';
import { benchMemory, type MemoryRow } from '../engine/memory-bench.js';
import { benchPasses, type PassRow } from '../engine/pass-bench.js';
import { benchRows } from '../engine/row-bench.js';
import { benchSpeculation, type SpeculationRow } from '../engine/speculation-bench.js';
import type { PairedRatio } from '../paired.js';
import { type BenchModels, benchModels } from '../weights/bench-models.js';
import { benchAhead } from './ahead.js';
import { apiPartNames, apiParts } from './api.js';
import { benchExitCost, benchHints } from './exits.js';
import { loopPartNames, loopParts } from './loop.js';
import { machineLine } from './machine.js';

interface BenchOptions<Part extends string> {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly folder: string;
  readonly part: readonly Part[];
}

const partNames = [
  'passes',
  'speculation',
  'memory',
  'rows',
  'formats',
  'exits',
  'hints',
  'ahead',
] as const;
type PartName = (typeof partNames)[number];

/** Adds the commands that time parts of the program on this machine. */
export function addBenches(bench: Command, terminal: Terminal): void {
  const engine = bench
    .command('engine')
    .summary(
      'engine overhead, speculation, memory, row kernels, formats, early exits, drafting ahead',
    )
    .description(
      'Passes through the engine against a bare llama_decode loop; speculative against target-only decoding on an ' +
        'inflated target (emulated cost, same text); peak memory; nanoseconds a row; what hints of an early exit cost ' +
        'and how often they come true; what drafting ahead asks of a draft model. About twenty minutes.',
    );
  addBenchFlags(engine, partNames);
  engine.action((options: BenchOptions<PartName>) => runBench(parts, options, terminal));
  const loop = bench
    .command('loop')
    .summary('the loop between devices and server: overhead, batches, modes over a link, race')
    .description(
      'Rounds through the whole stack against a bare WebSocket echo; 16 devices against a bare llama_decode loop; four ' +
        'modes over an emulated link against streaming; race over round-trip times; when race sends, in virtual time. About half an hour; a part alone with --part.',
    );
  addBenchFlags(loop, loopPartNames);
  loop.action((options: BenchOptions<(typeof loopPartNames)[number]>) =>
    runBench(loopParts, options, terminal),
  );
  const api = bench
    .command('api')
    .summary('the HTTP door: requests and streamed tokens against a bare server, first token')
    .description(
      'Streams and answers of /v1/completions over the scripted engine against a bare node server that sends the same ' +
        'bytes; time to the first token over loopback. About a minute.',
    );
  addBenchFlags(api, apiPartNames);
  api.action((options: BenchOptions<(typeof apiPartNames)[number]>) =>
    runBench(apiParts, options, terminal),
  );
}

function addBenchFlags(command: Command, names: readonly string[]): void {
  command
    .addOption(
      flag('--part <names...>', 'only these parts')
        .choices(names)
        .default([...names], 'all'),
    )
    .addOption(flag('--quick', 'fewer turns, wider intervals'))
    .addOption(
      flag('--folder <path>', 'where the models made for the benchmark are kept').default(
        join(tmpdir(), 'pilotfish-bench'),
      ),
    )
    .addOption(jsonFlag());
}

/** What every part is given. */
interface PartContext {
  readonly models: BenchModels;
  readonly quick: boolean;
  readonly say: (text: string) => void;
  /** A line of progress, not part of the result. */
  readonly note: (text: string) => void;
}

/** Each measures one thing, prints it, and returns what --json shows of it. */
const parts: Record<PartName, (context: PartContext) => Promise<unknown>> = {
  async passes({ models, quick, say, note }) {
    const rows = await benchPasses(models.wideVocabulary(), quick ? 8 : 24, (row) =>
      note(`${row.name}, ${row.shape}: ${ratioText(row)}`),
    );
    say(
      '\nPasses: engine speed in units of a bare llama_decode loop of the same batches (inflated target, 245 M weights, vocabulary 32 000)',
    );
    say(passTable(rows));
    return rows;
  },
  async speculation({ models, quick, say, note }) {
    const settings = {
      draftPath: models.draft(),
      draftLengths: quick ? [2] : [1, 2, 4],
      turns: quick ? 6 : 8,
      tokensMax: 32,
    };
    const targets = {
      'float16 weights, bound by arithmetic here': models.inflatedTarget(),
      'float32 weights, bound by memory': models.memoryBoundTarget(),
    };
    say(
      '\nSpeculation: speed in units of target-only decoding of the same text (inflated target: emulated cost)',
    );
    const results: unknown[] = [];
    for (const [target, targetPath] of Object.entries(targets)) {
      const rows = await benchSpeculation({ ...settings, targetPath }, (row) =>
        note(`${row.scheme}, ${row.draftLength} drafted: ${ratioText(row)}`),
      );
      results.push({ target, rows });
      say(`${target}\n${speculationTable(rows)}`);
    }
    return results;
  },
  async memory({ models, say }) {
    const row = await benchMemory(models.wideVocabulary());
    say(`\nMemory: 16 slots of 256 tokens, all full\n${memoryTable(row)}`);
    return row;
  },
  rows({ say }) {
    say('\nRows: nanoseconds a row, SIMD kernel against the float64 reference');
    return benchRows(say);
  },
  formats({ say }) {
    say(
      '\nFormats: milliseconds beside one row of logits; a new mask is made once for each place in a schema',
    );
    return Promise.resolve(benchFormats(say));
  },
  exits: benchExitCost,
  hints: benchHints,
  ahead: benchAhead,
};

async function runBench<Part extends string>(
  all: Readonly<Record<Part, (context: PartContext) => Promise<unknown>>>,
  options: BenchOptions<Part>,
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
  for (const name of Object.keys(all) as Part[]) {
    if (!options.part.includes(name)) continue;
    goOn();
    results[name] = await all[name]({ models, quick: options.quick === true, say, note });
  }
  if (options.json) terminal.out.write(`${JSON.stringify(results, null, 2)}\n`);
}

const ratioText = ({ median, low, high }: PairedRatio): string =>
  `${median.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;

function passTable(rows: readonly PassRow[]): string {
  const body = rows.map((row) => [
    row.name,
    row.shape,
    ratioText(row),
    `>= ${row.atLeast.toFixed(2)}`,
    row.baselineMs.toFixed(1),
    formatShare(row.rowsJudged / row.rowsPassed),
  ]);
  return formatTable(
    [['scheme', 'batch', 'engine / bare [95 %]', 'aim', 'bare ms', 'rows judged'], ...body],
    { align: ['left', 'left', 'right', 'right', 'right', 'right'] },
  );
}

function speculationTable(rows: readonly SpeculationRow[]): string {
  const body = rows.map((row) => [
    row.scheme,
    String(row.draftLength),
    ratioText(row),
    formatShare(row.acceptanceRate),
    row.tokensPerPass.toFixed(2),
    row.passCost.toFixed(2),
    (row.tokensPerPass / row.passCost).toFixed(2),
  ]);
  return formatTable(
    [
      [
        'scheme',
        'draft length',
        'speculative / target-only [95 %]',
        'accepted / tested',
        'tokens a pass',
        'cost of a pass',
        'tokens / cost',
      ],
      ...body,
    ],
    { align: ['left', 'right', 'right', 'right', 'right', 'right', 'right'] },
  );
}

function memoryTable(row: MemoryRow): string {
  return formatTable([
    ['peak resident', formatBytes(row.peakBytes)],
    ['model file', formatBytes(row.modelBytes)],
    ['KV cache', formatBytes(row.cacheBytes)],
    ['Node before loading', formatBytes(row.runtimeBytes)],
    ['peak / (model + cache)', `${row.ratio.toFixed(3)} (aim <= 1.15)`],
  ]);
}
