// Runs the regression gate: takes every reading, holds it against the baseline, and reads a suspect
// again before it says so. Knows no file and no clock.

import {
  type BaselineEntry,
  confirmed,
  type GateReading,
  type Judged,
  judgeReading,
} from './judge.js';

/** Something that gives readings. */
export interface Probe {
  readonly name: string;
  /** Virtual time: the same readings on every run and every machine. */
  readonly isExact: boolean;
  /** Share by which its readings may change. */
  readonly tolerance: number;
  readonly read: () => Promise<readonly GateReading[]>;
}

export interface GateOptions {
  readonly probes: readonly Probe[];
  /** By the id of a reading. */
  readonly baseline: ReadonlyMap<string, BaselineEntry>;
  /** Whether the baseline is this machine's: measured ratios of another tell no change. */
  readonly isSameMachine: boolean;
  /** Told which probe is next; may throw to end the run. */
  readonly note: (line: string) => void;
}

/** Readings of all probes, judged, in their order. */
export async function runGate(options: GateOptions): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const probe of options.probes) {
    options.note(probe.name);
    judged.push(...(await judgeProbe(probe, options)));
  }
  return judged;
}

async function judgeProbe(
  probe: Probe,
  { baseline, isSameMachine, note }: GateOptions,
): Promise<Judged[]> {
  const judgeAll = async (): Promise<Judged[]> =>
    (await probe.read()).map((reading) => judgeReading(reading, baseline.get(reading.id) ?? null));
  const first = await judgeAll();
  if (probe.isExact) return first;
  if (!isSameMachine) return first.map(unsure);
  if (!first.some(({ verdict }) => verdict === 'worse')) return first;
  note(`${probe.name}: looks worse, and is measured again`);
  const second = await judgeAll();
  return second.map((one, index) => confirmed(first[index]!, one));
}

const unsure = (judged: Judged): Judged =>
  judged.verdict === 'new' ? judged : { ...judged, verdict: 'not sure' };

/** Readings of all probes as the next baseline. */
export async function readBaseline({
  probes,
  note,
}: Pick<GateOptions, 'probes' | 'note'>): Promise<Map<string, BaselineEntry>> {
  const baseline = new Map<string, BaselineEntry>();
  for (const { name, tolerance, read } of probes) {
    note(name);
    for (const { id, value } of await read()) baseline.set(id, { value, tolerance });
  }
  return baseline;
}
