// Adds the command `gate`: prints the watched numbers beside their baseline, and ends with a code
// that a script can ask. The rule and the readings are lab/gate.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { PilotfishError } from '../../src/base/error.js';
import { flag, jsonFlag } from '../../src/cli/flags/flags.js';
import { packageRoot } from '../../src/cli/package-root.js';
import { formatTable } from '../../src/cli/screen/table.js';
import type { Terminal } from '../../src/cli/screen/terminal.js';
import type { Estimate } from '../../src/math/estimate.js';
import { type Baseline, baselineFrom, baselineText } from '../gate/baseline-file.js';
import { type Probe, readBaseline, runGate } from '../gate/gate.js';
import type { Judged } from '../gate/judge.js';
import { realProbes, virtualProbes } from '../gate/probes.js';
import { withPath } from '../json-file.js';
import { estimateText } from '../report/figures.js';
import { benchModels } from '../weights/bench-models.js';
import { commitText, machineLine, today } from './machine.js';

const partNames = ['virtual', 'measured'] as const;

interface GateOptions {
  readonly part: readonly (typeof partNames)[number][];
  readonly baseline: string;
  readonly update?: boolean;
  readonly json?: boolean;
}

/** Its exit code is 1 where something got worse, else 0. */
export function addGate(bench: Command, terminal: Terminal, exit: (code: number) => void): void {
  bench
    .command('gate')
    .summary('watched numbers against a baseline: did anything get worse?')
    .description(
      'Reads gains, passes, rows, messages and bytes in virtual time, and measures the engine against bare decoding, the ' +
        'stack against an echo and the HTTP API against a bare server; holds each against the baseline. The exit code is 1 ' +
        'only where an interval lies beyond what is tolerated, twice in a row. About two minutes.',
    )
    .addOption(
      flag('--part <names...>', 'only these: virtual is exact and takes seconds')
        .choices(partNames)
        .default([...partNames], 'both'),
    )
    .addOption(
      flag('--baseline <file>', 'what is compared with').default(
        join(packageRoot, 'lab', 'gate-baseline.json'),
        'lab/gate-baseline.json of this copy',
      ),
    )
    .addOption(flag('--update', 'write the baseline instead of comparing'))
    .addOption(jsonFlag())
    .action(async (options: GateOptions) => exit(await gate(options, terminal)));
}

async function gate(options: GateOptions, terminal: Terminal): Promise<number> {
  const note = (line: string): void => {
    if (terminal.signal.aborted) throw new PilotfishError('cancelled', 'the gate was stopped');
    terminal.err.write(`${line}\n`);
  };
  const probes = probesOf(options, note);
  if (options.update) {
    await update(options, probes, note);
    return 0;
  }
  const baseline = readFile(options.baseline);
  const isSameMachine = baseline.machine === machineLine();
  const judged = await runGate({ probes, baseline: baseline.entries, isSameMachine, note });
  if (options.json) terminal.out.write(`${JSON.stringify({ baseline, judged }, entriesLast, 2)}\n`);
  else terminal.out.write(screenText(judged, baseline, isSameMachine, options));
  return judged.some(({ verdict }) => verdict === 'worse') ? 1 : 0;
}

/** The entries stand beside their readings already. */
const entriesLast = (key: string, value: unknown): unknown =>
  key === 'entries' ? undefined : value;

function probesOf({ part }: GateOptions, note: (line: string) => void): Probe[] {
  // The bundled models as they are: nothing is made, and nothing is kept.
  const models = benchModels(tmpdir(), note);
  return [
    ...(part.includes('virtual') ? virtualProbes : []),
    ...(part.includes('measured') ? realProbes(models) : []),
  ];
}

async function update(
  { baseline: path, part }: GateOptions,
  probes: readonly Probe[],
  note: (line: string) => void,
): Promise<void> {
  const read = await readBaseline({ probes, note });
  const isWhole = partNames.every((name) => part.includes(name));
  const before = isWhole || !existsSync(path) ? null : readFile(path);
  const entries = new Map([...(before?.entries ?? []), ...read]);
  // The machine is that of the measured readings; the others know none.
  const machine = (!part.includes('measured') && before?.machine) || machineLine();
  const text = baselineText({ machine, commit: commitText(), date: today(), entries });
  withPath(`--baseline ${path}`, 'written', () => writeFileSync(path, text));
  note(`wrote ${path}`);
}

function readFile(path: string): Baseline {
  const text = withPath(`--baseline ${path}`, 'read', () => readFileSync(path, 'utf8'));
  return baselineFrom(text, path);
}

function screenText(
  judged: readonly Judged[],
  baseline: Baseline,
  isSameMachine: boolean,
  { part }: GateOptions,
): string {
  const rows = judged.map(({ reading, baseline: entry, change, verdict }) => [
    reading.title,
    entry ? estimateText(entry.value) : '-',
    estimateText(reading.value),
    change ? percentText(change) : '-',
    entry ? `${100 * entry.tolerance} %` : '-',
    verdict,
  ]);
  const head = ['', 'baseline [95 %]', 'now [95 %]', 'change [95 %]', 'tolerated', 'verdict'];
  const align = ['left', 'right', 'right', 'right', 'right', 'left'] as const;
  const { machine, commit, date } = baseline;
  const lines = [
    formatTable([head, ...rows], { align }),
    '',
    `Baseline: commit ${commit}, ${date}, ${machine}.`,
    ...(isSameMachine || !part.includes('measured')
      ? []
      : ['This is another machine or another node: measured ratios are shown and not judged.']),
    ...goneLines(judged, baseline, part.length === partNames.length),
    closingLine(judged),
  ];
  return `${lines.join('\n')}\n`;
}

function percentText({ value, low, high }: Estimate): string {
  const percent = (ratio: number): string => {
    const text = (100 * (ratio - 1)).toFixed(1);
    if (Number(text) === 0) return '0.0';
    return ratio > 1 ? `+${text}` : text;
  };
  const range = low === value && high === value ? '' : ` [${percent(low)}, ${percent(high)}]`;
  return `${percent(value)} %${range}`;
}

/** Readings that the baseline knows and nothing reads any more. */
function goneLines(judged: readonly Judged[], { entries }: Baseline, isWhole: boolean): string[] {
  if (!isWhole) return [];
  const read = new Set(judged.map(({ reading }) => reading.id));
  const gone = [...entries.keys()].filter((id) => !read.has(id));
  return gone.length === 0 ? [] : [`Only the baseline knows: ${gone.join('; ')}.`];
}

function closingLine(judged: readonly Judged[]): string {
  const counts = (['ok', 'better', 'worse', 'not sure', 'new'] as const).map((verdict) => ({
    verdict,
    count: judged.filter((one) => one.verdict === verdict).length,
  }));
  const met = counts.filter(({ count }) => count > 0);
  return `${met.map(({ verdict, count }) => `${count} ${verdict}`).join(', ')}.`;
}
