// What lengths and times of messages tell of a text that nobody can read, and what padding and aggregation leave of it, at
// which price: attackers of ours, answers of the bundled models, the shipped cores in virtual time. arXiv 2411.01076.

import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { attack } from './side-channel/attack.js';
import {
  arrivalsOf,
  type Played,
  type Setting,
  SideChannelBed,
  traceOf,
} from './side-channel/bed.js';
import { sideChannelFindings } from './side-channel/findings.js';
import { both, type Line, nothing, sideChannelGrid } from './side-channel/grid.js';
import { VirtualModels } from './virtual-models.js';

export const sideChannelExperiment: Experiment = {
  id: 'side-channel',
  title: 'What lengths and times tell under TLS',
  question:
    'Which of a few prompts was answered, by lengths and times of messages alone, and what do padding and aggregation leave of that, at which price?',
  minutes: 2,
  run: async (context) => {
    const models = new VirtualModels(context.models.target(), context.models.draft());
    try {
      const { promptCount, tokenCount } = sideChannelGrid;
      const bed = new SideChannelBed(models, promptCount, tokenCount);
      return sideChannelFindings(await linesOf(bed, context));
    } finally {
      models.close();
    }
  },
};

/** Answers to each prompt for a look. */
const quickTurns = 3;

/** Leaks, temperatures and round trips, in this order. */
async function linesOf(bed: SideChannelBed, context: ExperimentContext): Promise<Line[]> {
  const { leaks, temperatures, roundTripsMs, modes, usual, turnCount } = sideChannelGrid;
  const leaking = leaks.map(([mode, one]): Setting => ({ ...usual, mode, cover: one }));
  const warm = temperatures.map((temperature) =>
    [nothing, both].map((one): Setting => ({ ...usual, temperature, mode: 'race', cover: one })),
  );
  const far = roundTripsMs.flatMap((roundTripMs) =>
    modes.flatMap((mode) =>
      [nothing, both].map((one): Setting => ({ ...usual, roundTripMs, mode, cover: one })),
    ),
  );
  const { isQuick } = context;
  const turns = isQuick ? quickTurns : turnCount;
  const lines: Line[] = [];
  for (const settings of [leaking, ...warm]) {
    lines.push(...(await play(bed, settings, turns, context)));
  }
  lines.push(...(await play(bed, far, 1, context)));
  return lines;
}

/** Answer by answer, all settings of one after another: a row of the models is computed once for all. */
async function play(
  bed: SideChannelBed,
  settings: readonly Setting[],
  turnCount: number,
  { seed, note, signal }: ExperimentContext,
): Promise<Line[]> {
  const { promptCount, foldCount } = sideChannelGrid;
  const played: Played[][] = settings.map(() => []);
  for (let turn = 0; turn < turnCount * promptCount && !signal.aborted; turn++) {
    settings.forEach((setting, index) => {
      played[index]!.push(bed.play(setting, seed * 1_000 * promptCount + turn));
    });
    if (turn % promptCount === promptCount - 1)
      note(`${settings.length} settings, ${turn + 1} answers`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settings.map((setting, index) => {
    const base = played[baseOf(settings, setting)]!;
    const mine = played[index]!;
    return {
      setting,
      played: mine,
      attack: turnCount > 1 ? attack(mine.map(traceOf), Math.min(foldCount, turnCount)) : null,
      laterMs: mine.flatMap((one, turn) => laterOf(one, base[turn]!)),
    };
  });
}

/** The same without cover. */
const baseOf = (settings: readonly Setting[], { mode, roundTripMs }: Setting): number =>
  settings.findIndex(
    (one) =>
      one.mode === mode &&
      one.roundTripMs === roundTripMs &&
      one.cover.padBytes + one.cover.aggregateMs === 0,
  );

function laterOf(one: Played, base: Played): number[] {
  const before = arrivalsOf(base);
  return arrivalsOf(one).map((atMs, index) => atMs - before[index]!);
}
