// `npm run lab -- gate`: the watched numbers beside their baseline, and an exit code that a script can ask. The rule and
// the readings are lab/gate.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { PilotfishError } from '../../src/base/error.js';
import { flag, jsonFlag } from '../../src/cli/flags/flags.js';
import { packageRoot } from '../../src/cli/package-root.js';
import { formatTable } from '../../src/cli/screen/table.js';
import type { Terminal } from '../../src/cli/screen/terminal.js';
import { type Baseline, baselineFrom, baselineText } from '../gate/baseline-file.js';
import { type Probe, readBaseline, runGate } from '../gate/gate.js';
import type { GateVerdict, Judged } from '../gate/judge.js';
import { realProbes } from '../gate/real-probes.js';
import { virtualProbes } from '../gate/virtual-probes.js';
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

/** Adds `bench gate`. Its exit code is 1 where something got worse, else 0. */
export function addGate(bench: Command, terminal: Terminal, exit: (code: number) => void): void {
  bench
    .command('gate')
    .summary('watched numbers against a baseline: did anything get worse?')
    .description(
      'Reads gains, passes, rows, messages and bytes in virtual time, and measures the engine against bare decoding, the ' +
        'stack against an echo and the HTTP door against a bare server; holds each against the baseline. The exit code is 1 ' +
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
  const head = { machine, commit: commitText(), date: today() };
  try {
    writeFileSync(path, baselineText({ ...head, entries }));
  } catch (reason) {
    throw unreadable(path, 'written', reason);
  }
  note(`wrote ${path}`);
}

function readFile(path: string): Baseline {
  try {
    return baselineFrom(readFileSync(path, 'utf8'), path);
  } catch (reason) {
    if (reason instanceof PilotfishError) throw reason;
    throw unreadable(path, 'read', reason);
  }
}

function unreadable(path: string, what: string, reason: unknown): PilotfishError {
  const { code } = reason as NodeJS.ErrnoException;
  return new PilotfishError('usage', `--baseline ${path} cannot be ${what} (${code})`, {
    cause: reason,
  });
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

const percentText = ({
  value,
  low,
  high,
}: {
  value: number;
  low: number;
  high: number;
}): string => {
  const percent = (ratio: number): string => {
    const text = (100 * (ratio - 1)).toFixed(1);
    if (Number(text) === 0) return '0.0';
    return ratio > 1 ? `+${text}` : text;
  };
  return low === value && high === value
    ? `${percent(value)} %`
    : `${percent(value)} % [${percent(low)}, ${percent(high)}]`;
};

/** Readings that the baseline knows and nothing reads any more. */
function goneLines(judged: readonly Judged[], { entries }: Baseline, isWhole: boolean): string[] {
  if (!isWhole) return [];
  const read = new Set(judged.map(({ reading }) => reading.id));
  const gone = [...entries.keys()].filter((id) => !read.has(id));
  return gone.length === 0 ? [] : [`Only the baseline knows: ${gone.join('; ')}.`];
}

function closingLine(judged: readonly Judged[]): string {
  const counted = (verdict: GateVerdict): number =>
    judged.filter((one) => one.verdict === verdict).length;
  const counts = (['ok', 'better', 'worse', 'not sure', 'new'] as const)
    .filter((verdict) => counted(verdict) > 0)
    .map((verdict) => `${counted(verdict)} ${verdict}`);
  return `${counts.join(', ')}.`;
}
