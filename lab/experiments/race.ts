// Measures which mode serves a user fastest, over link, acceptance, devices and target: the shipped
// cores in virtual time, and a few real points beside.

import type { Estimate } from '../../src/math/estimate.js';
import { evenLink } from '../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../src/sim/profiles/server-profiles.js';
import {
  type ServiceFixture,
  type ServiceResult,
  serve,
  stream,
} from '../../src/sim/service/serve.js';
import { recordTexts } from '../loop/loop-fixture.js';
import { benchRace } from '../loop/race-bench.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure, spanText } from '../report/figures.js';
import type { Measured } from '../report/text.js';
import { combinations, constantPass, fixtureOf, runAll, seedsOf } from './fixture.js';
import { baselineDevices, baselineDraftMs, runBaselines } from './race/baselines.js';
import { drafterSettings, runDrafters } from './race/drafters.js';
import { runGains } from './race/gain.js';
import { runLinks } from './race/links.js';
import {
  type Cell,
  type CellRun,
  crossingOf,
  extremesOf,
  modeRows,
  usualRows,
  waitSpan,
  winnerRows,
} from './race/map.js';
import { raceSpeed, runModes } from './race/modes.js';

/** Round trips at which there is something to gain. */
const gainTripMax = 50;

export const raceExperiment: Experiment = { id: 'race', minutes: 6, run };

async function run(context: ExperimentContext): Promise<Measured> {
  const { isQuick, seed, play, note } = context;
  const cells = await runGrid(context);
  note('every baseline in one place, the model of race, links with jitter and stalls');
  const [baselines, gain, links] = await Promise.all([
    runBaselines(play, isQuick, seed),
    runGains(play, isQuick, seed),
    runLinks(play, isQuick, seed),
  ]);
  const drafters = await runDrafters(context);
  const points = await realPoints(context);
  const near = gain.filter(({ roundTripMs }) => roundTripMs <= gainTripMax);
  return {
    values: {
      ...valuesOf(cells),
      baselines: {
        ...{ devices: baselineDevices, draftMs: baselineDraftMs },
        speeds: baselines.map(({ way, speed }) => `${way} ${figure(speed.value)}`).join('; '),
      },
      links: links
        .map(({ link, race, wait }) => `${link} ${figure(race.value)} and ${figure(wait.value)}`)
        .join('; '),
      gain: { tripMax: gainTripMax, share: spanText(near.map(({ share }) => share.value)) },
      drafters: drafterSettings,
    },
    tables: {
      ...{ baselines, links, drafters, gain, points },
      usual: usualRows(cells),
      winners: winnerRows(cells),
      modes: modeRows(cells),
    },
  };
}

/** One device over everything; more devices at a draft time of a quarter of a pass. */
function cellsOf(isQuick: boolean): Cell[] {
  const all = combinations({
    target: ['memory', 'arithmetic'] as const,
    devices: isQuick ? [1, 4] : [1, 4, 16],
    draftMs: [3, 8, 33],
    acceptance: isQuick ? [0.7] : [0.5, 0.7, 0.9],
    roundTripMs: isQuick ? [5, 50, 200] : [0, 5, 20, 50, 100, 200],
  });
  return all.filter(({ devices, draftMs }) => devices === 1 || draftMs === 8);
}

function runGrid({ isQuick, seed, play, note }: ExperimentContext): Promise<CellRun[]> {
  const cells = cellsOf(isQuick);
  // Streaming depends on neither drafts nor, behind its first token, the link: once for a target
  // and a size.
  const streams = new Map<string, Promise<ServiceResult>>();
  let count = 0;
  return runAll(cells, async (cell) => {
    const fixture = cellFixture(cell, isQuick, seed);
    const key = `${cell.target} ${cell.devices}`;
    const streamed = streams.get(key) ?? serve(play, fixture, stream);
    streams.set(key, streamed);
    const modes = await runModes(play, fixture, streamed);
    if (++count % 10 === 0) note(`${count} of ${cells.length} places`);
    return modes;
  });
}

const serverOf = ({ target }: Cell) => serverProfiles[target === 'memory' ? 'memory' : 'compute'];

function cellFixture(cell: Cell, isQuick: boolean, seed: number): ServiceFixture {
  const { devices, draftMs, acceptance, roundTripMs } = cell;
  const seedCount = devices === 1 ? 4 : isQuick ? 2 : devices === 4 ? 4 : 3;
  return fixtureOf({
    ...{ deviceCount: devices, draftMs, acceptance, link: evenLink(roundTripMs) },
    ...{ pass: serverOf(cell).pass, answerTokens: devices === 1 ? 128 : 96 },
    seeds: seedsOf(seed, seedCount),
  });
}

function valuesOf(cells: readonly CellRun[]) {
  const isBusy = ({ variant: { target, devices } }: CellRun): boolean =>
    target === 'arithmetic' && devices > 1;
  const alone = cells.filter((run) => !isBusy(run));
  const usual = cells.filter(
    ({ variant: { target, devices, draftMs, acceptance } }) =>
      target === 'memory' && devices === 1 && draftMs === 8 && acceptance === 0.7,
  );
  const modes = ['stop-and-wait', 'pipeline', 'race'] as const;
  return {
    alone: { ...extremesOf(alone), wait: waitSpan(alone) },
    busy: extremesOf(cells.filter(isBusy)),
    crossings: modes.map((mode) => crossingOf(usual, mode)).join('; '),
    arithmeticWait: waitSpan(cells.filter(({ variant }) => variant.target === 'arithmetic')),
  };
}

/** Real: tokens, shells, sockets. Imitated as in the simulator: link, drafts, passes. */
async function realPoints(context: ExperimentContext) {
  const { models, isQuick, seed, play, note } = context;
  const path = models.target();
  const grid = { roundTripsMs: [5, 50], draftsMs: [8], passMs: 30, turns: isQuick ? 3 : 7 };
  const texts = await recordTexts({ target: path, draft: models.draft() }, grid.turns, 96);
  const rows = await benchRace(path, texts, grid, ({ roundTripMs }) =>
    note(`real loop, round trip ${String(roundTripMs)} ms`),
  );
  await texts.close();
  const simulated = ({ roundTripMs, accepted }: (typeof rows)[number]): Promise<Estimate> => {
    const acceptance = accepted ?? 0;
    const cell: Cell = { target: 'memory', devices: 1, draftMs: 8, acceptance, roundTripMs };
    const fixture = { ...cellFixture(cell, isQuick, seed), pass: constantPass(grid.passMs) };
    return raceSpeed(play, fixture);
  };
  return Promise.all(
    rows.map(async (row) => ({
      roundTripMs: row.roundTripMs,
      acceptance: figure(row.accepted ?? 0),
      real: row.speed,
      simulated: await simulated(row),
    })),
  );
}
