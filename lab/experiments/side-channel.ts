// What lengths and times of messages tell of a text that nobody can read, and what padding and aggregation leave of it, at
// which price: attackers of ours, answers of the bundled models, the shipped cores in virtual time. arXiv 2411.01076.

import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { attack } from './side-channel/attack.js';
import { sideChannelFindings } from './side-channel/findings.js';
import {
  arrivalsOf,
  type ChannelResult,
  type ChannelSetting,
  SideChannelFixture,
  traceOf,
} from './side-channel/fixture.js';
import { both, type ChannelLine, nothing, sideChannelGrid } from './side-channel/grid.js';
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
      const fixture = new SideChannelFixture(models, promptCount, tokenCount);
      return sideChannelFindings(await linesOf(fixture, context));
    } finally {
      models.close();
    }
  },
};

/** Answers to each prompt for a look. */
const quickTurns = 3;

/** Leaks, temperatures and round trips, in this order. */
async function linesOf(
  fixture: SideChannelFixture,
  context: ExperimentContext,
): Promise<ChannelLine[]> {
  const { leaks, temperatures, roundTripsMs, modes, usual, turnCount } = sideChannelGrid;
  const leaking = leaks.map(([mode, one]): ChannelSetting => ({ ...usual, mode, shaping: one }));
  const warm = temperatures.map((temperature) =>
    [nothing, both].map(
      (one): ChannelSetting => ({ ...usual, temperature, mode: 'race', shaping: one }),
    ),
  );
  const far = roundTripsMs.flatMap((roundTripMs) =>
    modes.flatMap((mode) =>
      [nothing, both].map((one): ChannelSetting => ({ ...usual, roundTripMs, mode, shaping: one })),
    ),
  );
  const { isQuick } = context;
  const turns = isQuick ? quickTurns : turnCount;
  const lines: ChannelLine[] = [];
  for (const settings of [leaking, ...warm]) {
    lines.push(...(await play(fixture, settings, turns, context)));
  }
  lines.push(...(await play(fixture, far, 1, context)));
  return lines;
}

/** Answer by answer, all settings of one after another: a row of the models is computed once for all. */
async function play(
  fixture: SideChannelFixture,
  settings: readonly ChannelSetting[],
  turnCount: number,
  { seed, note, signal }: ExperimentContext,
): Promise<ChannelLine[]> {
  const { promptCount, foldCount } = sideChannelGrid;
  const result: ChannelResult[][] = settings.map(() => []);
  for (let turn = 0; turn < turnCount * promptCount && !signal.aborted; turn++) {
    settings.forEach((setting, index) => {
      result[index]!.push(fixture.play(setting, seed * 1_000 * promptCount + turn));
    });
    if (turn % promptCount === promptCount - 1)
      note(`${settings.length} settings, ${turn + 1} answers`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settings.map((setting, index) => {
    const base = result[baseOf(settings, setting)]!;
    const mine = result[index]!;
    return {
      setting,
      played: mine,
      attack: turnCount > 1 ? attack(mine.map(traceOf), Math.min(foldCount, turnCount)) : null,
      laterMs: mine.flatMap((one, turn) => laterOf(one, base[turn]!)),
    };
  });
}

/** The same without cover. */
const baseOf = (
  settings: readonly ChannelSetting[],
  { mode, roundTripMs }: ChannelSetting,
): number =>
  settings.findIndex(
    (one) =>
      one.mode === mode &&
      one.roundTripMs === roundTripMs &&
      one.shaping.padBytes + one.shaping.aggregateMs === 0,
  );

function laterOf(one: ChannelResult, base: ChannelResult): number[] {
  const before = arrivalsOf(base);
  return arrivalsOf(one).map((atMs, index) => atMs - before[index]!);
}
