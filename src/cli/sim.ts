// Defines `pilotfish sim`: runs the shipped server and device cores in virtual time, with faults,
// and checks their promises. Reads the clock only to report its speed.

import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Command } from 'commander';
import { PilotfishError } from '../base/error.js';
import {
  addCounts,
  type Counts,
  faultText,
  fleet,
  planRun,
  type Report,
  runPlan,
  type Scenario,
  scenarioFrom,
  shrink,
  simulate,
  swarm,
  traceTo,
} from '../sim/index.js';
import {
  addFlags,
  chanceSeedFlag,
  chanceSeedMax,
  flag,
  jsonFlag,
  usageError,
  wholeNumber,
} from './flags/flags.js';
import { formatBytes, formatCount, formatDuration } from './screen/numbers.js';
import { formatTable } from './screen/table.js';
import { type Exit, printJson, type Terminal } from './screen/terminal.js';

const description = `Simulates the shipped server and device cores in virtual time: the networks, devices, engines, requests and faults of a scenario. Every run is checked for exact text, lost or repeated tokens, requests that never end, leaks and unbounded queues. The same seed and version give the same run, event by event.

  pilotfish sim --seeds 200              two hundred small runs with every kind of fault
  pilotfish sim --seed 7 --trace         one of these runs, event by event
  pilotfish sim --devices 10000          a mixed fleet
  pilotfish sim --scenario file.json     another scenario: {"base": "swarm", "faults": {"server-crash": 20}}
                                         or {"base": "drafts"}: servers that draft, and fail at it

A failing run is reduced to the few requests and faults that cause it, and the command that repeats it is printed.`;

interface SimOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly devices?: number;
  readonly scenario?: string;
  readonly trace?: boolean;
  readonly json?: boolean;
}

type Totals = Awaited<ReturnType<typeof runAll>>;

/** Milliseconds between lines of progress. */
const sayEveryMs = 10_000;
/** Failing seeds that are listed. */
const listedMax = 20;

export function addSim(program: Command, terminal: Terminal, exit: Exit): void {
  const command = program
    .command('sim')
    .summary('simulate fleets and faults in virtual time')
    .description(description);
  addFlags(command, [
    chanceSeedFlag('first seed'),
    flag('--seeds <n>', 'number of runs, one per seed', wholeNumber(1, chanceSeedMax)).default(1),
    flag('--devices <n>', 'simulate a mixed fleet of this size', wholeNumber(1, 1_000_000)),
    flag('--scenario <file>', 'scenario as JSON'),
    flag('--trace', 'print every event of the first seed'),
    jsonFlag(),
  ]).action(async (options: SimOptions) => {
    const scenario = await scenarioOf(options);
    if (options.trace) trace(scenario, options.seed, terminal);
    const totals = await runAll(scenario, options, terminal);
    if (options.json) printJson(terminal, totals);
    else print(totals, scenario, options, terminal);
    if (totals.failures.length > 0) exit(1);
  });
}

async function scenarioOf({ devices, scenario }: SimOptions): Promise<Scenario> {
  if (scenario === undefined) return devices === undefined ? swarm : fleet(devices);
  if (devices !== undefined) {
    throw usageError('give --devices or --scenario: a scenario names its devices');
  }
  try {
    return scenarioFrom(JSON.parse(await readFile(scenario, 'utf8')));
  } catch (reason) {
    if (reason instanceof PilotfishError) throw reason;
    const message = reason instanceof Error ? reason.message : String(reason);
    throw usageError(`cannot read ${scenario}: ${message}`, { cause: reason });
  }
}

function trace(scenario: Scenario, seed: number, { out }: Terminal): void {
  const write = (line: string): unknown => out.write(`${line}\n`);
  runPlan(planRun(scenario, seed), { observe: (now) => [traceTo(write, now)] });
}

async function runAll(scenario: Scenario, { seed, seeds }: SimOptions, { err, signal }: Terminal) {
  const failures: Report[] = [];
  let counts: Counts | null = null;
  let [eventCount, virtualMs, peakBytes, seedCount] = [0, 0, 0, 0];
  const startedMs = performance.now();
  let saidMs = startedMs;
  for (; seedCount < seeds && !signal.aborted; seedCount++) {
    const report = simulate(scenario, seed + seedCount);
    counts = counts === null ? report.counts : addCounts(counts, report.counts);
    eventCount += report.eventCount;
    virtualMs += report.virtualMs;
    if (report.violations.length > 0) failures.push(report);
    if (seeds > 1 && seedCount % 16 !== 0) continue;
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    // Lets a signal arrive.
    await nextTurn();
    if (performance.now() - saidMs < sayEveryMs) continue;
    saidMs = performance.now();
    err.write(`pilotfish: ${seedCount} of ${seeds} seeds, ${failures.length} failing\n`);
  }
  const wallMs = performance.now() - startedMs;
  const totals = { seedCount, eventCount, virtualMs, wallMs, peakBytes, counts, failures };
  return { scenario: scenario.name, firstSeed: seed, ...totals };
}

function print(totals: Totals, scenario: Scenario, options: SimOptions, { out }: Terminal): void {
  const { counts, failures } = totals;
  if (counts === null) return;
  out.write(`${summaryOf(totals, counts)}\n`);
  for (const { seed, violations } of failures.slice(0, listedMax)) {
    const { check, message, atMs } = violations[0]!;
    const where = options.scenario ? ` --scenario ${options.scenario}` : '';
    const fleetFlag = options.devices ? ` --devices ${options.devices}` : '';
    out.write(`\nseed ${seed} breaks ${check} at ${atMs.toFixed(1)} ms: ${message}\n`);
    out.write(`  again: pilotfish sim --seed ${seed}${where}${fleetFlag}\n`);
  }
  const [first] = failures;
  if (first !== undefined) out.write(`\n${storyOf(scenario, first.seed)}\n`);
}

function summaryOf(totals: Totals, counts: Counts): string {
  const { eventCount, wallMs, virtualMs, peakBytes, failures, seedCount } = totals;
  const faults = Object.values(counts.faults).reduce((sum, count) => sum + count, 0);
  const rows = [
    ['seeds', formatCount(seedCount)],
    ['violations', formatCount(failures.length)],
    ['requests', formatCount(counts.askedCount)],
    ['ended', listOf(counts.ended)],
    ['failed', listOf(counts.failed)],
    ['lost with their devices', formatCount(counts.lostCount)],
    ['tokens', formatCount(counts.tokenCount)],
    [
      'drafts',
      `${counts.draftedCount} drafted, ${counts.testedCount} tested, ${counts.acceptedCount} accepted`,
    ],
    ['messages', `${counts.upMessageCount} up, ${counts.downMessageCount} down`],
    ['bytes', `${formatBytes(counts.upBytes)} up, ${formatBytes(counts.downBytes)} down`],
    ['passes', formatCount(counts.passCount)],
    ['resumptions, resends', `${counts.resumeCount}, ${counts.resendCount}`],
    ['faults', `${formatCount(faults)}: ${listOf(counts.faults)}`],
    ['events', formatCount(eventCount)],
    ['virtual time', formatDuration(virtualMs)],
    [
      'wall time',
      `${formatDuration(wallMs)}, ${formatCount(Math.round((eventCount * 1000) / wallMs))} events/s`,
    ],
    ['memory', formatBytes(peakBytes)],
    ['checksum', counts.checksum.toString(16).padStart(8, '0')],
  ];
  return formatTable(rows);
}

function listOf(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return parts.length === 0 ? 'none' : parts.map(([name, count]) => `${name} ${count}`).join(', ');
}

/** The shortest run found that breaks the same promise: requests, faults, last events. */
function storyOf(scenario: Scenario, seed: number): string {
  const { plan, report, runCount } = shrink(planRun(scenario, seed));
  const lines: string[] = [];
  runPlan(plan, { observe: (now) => [traceTo((line) => lines.push(line), now)] });
  const asks = plan.asks.map(
    ({ id, device, atMs }) => `  ${atMs.toFixed(1)} ms: device ${device} asks ${id}`,
  );
  const faults = plan.faults.map((fault) => `  ${fault.atMs.toFixed(1)} ms: ${faultText(fault)}`);
  return [
    `seed ${seed}, cut down in ${runCount} runs to ${asks.length} requests and ${faults.length} faults:`,
    ...asks,
    ...faults,
    'its last events:',
    ...lines.slice(-40),
    `breaks ${report.violations[0]?.check}: ${report.violations[0]?.message}`,
  ].join('\n');
}
