// Which mode serves a user fastest, over round trip, acceptance, pace of the device, number of devices and kind of target:
// the shipped cores in virtual time, and a few real points beside.

import type { Estimate } from '../../src/math/estimate.js';
import { divergenceFor } from '../../src/sim/index.js';
import { evenLink } from '../../src/sim/profiles/link-profiles.js';
import { type ServerName, serverProfiles } from '../../src/sim/profiles/server-profiles.js';
import type { RunService } from '../../src/sim/service/run-service.js';
import {
  linkModelOf,
  race,
  type ServiceFixture,
  type ServiceResult,
  serve,
  speedOf,
  stream,
} from '../../src/sim/service/serve.js';
import { loopFixture } from '../loop/loop-fixture.js';
import { benchRace } from '../loop/race-bench.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { playBaselines } from './race/baselines.js';
import { playDrafters } from './race/drafters.js';
import { raceFindings } from './race/findings.js';
import { playGains } from './race/gain.js';
import { playLinks } from './race/links.js';
import { type ModeResult, playModes } from './race/modes.js';

const roundTripsMs = [0, 5, 20, 50, 100, 200];
const acceptances = [0.5, 0.7, 0.9];
/** A tenth of a pass, a quarter, and more than one. */
const draftsMs = [3, 8, 33];

/** One place of the map. */
export interface Cell {
  readonly server: ServerName;
  readonly deviceCount: number;
  readonly draftMs: number;
  readonly acceptance: number;
  readonly roundTripMs: number;
}

export interface CellResult {
  readonly cell: Cell;
  readonly modes: readonly ModeResult[];
}

/** The real loop beside the simulator, at one round trip. */
export interface RealPoint {
  readonly roundTripMs: number;
  readonly acceptance: number;
  /** Speed of race in units of streaming. */
  readonly real: Estimate;
  readonly simulated: Estimate;
}

export const raceExperiment: Experiment = {
  id: 'race',
  title: 'Which mode wins where',
  question:
    'How long does a user wait for a token in streaming, stop-and-wait at its best draft length, pipeline and race, and what does it cost?',
  minutes: 6,
  run: async (context) => {
    const { isQuick, seed, play, note } = context;
    const result = await playGrid(context);
    note('every baseline in one place, the model of race, links with jitter and stalls');
    const [baselines, gains, links] = await Promise.all([
      playBaselines(play, isQuick, seed),
      playGains(play, isQuick, seed),
      playLinks(play, isQuick, seed),
    ]);
    const drafters = await playDrafters(context);
    const points = await realPoints(context);
    return raceFindings(result, { baselines, gains, links, drafters, points });
  },
};

/** One device over everything; more devices at one pace. */
function cellsOf(isQuick: boolean): Cell[] {
  const trips = isQuick ? [5, 50, 200] : roundTripsMs;
  const rates = isQuick ? [0.7] : acceptances;
  const cells: Cell[] = [];
  for (const server of ['memory', 'compute'] as const) {
    for (const deviceCount of isQuick ? [1, 4] : [1, 4, 16]) {
      for (const draftMs of deviceCount === 1 ? draftsMs : [8]) {
        for (const acceptance of rates) {
          for (const roundTripMs of trips) {
            cells.push({ server, deviceCount, draftMs, acceptance, roundTripMs });
          }
        }
      }
    }
  }
  return cells;
}

/** In any order; told by place as the last cell of it is through. */
async function playGrid(context: ExperimentContext): Promise<CellResult[]> {
  const { isQuick, seed, play, note } = context;
  const divergences = new Map(acceptances.map((rate) => [rate, divergenceFor(rate)]));
  const streams = new Map<string, Promise<ServiceResult>>();
  const left = new Map<string, number>();
  const playCell = async (cell: Cell): Promise<CellResult> => {
    const fixture = fixtureOf(cell, divergences.get(cell.acceptance)!, isQuick, seed);
    const modes = await playModes(play, fixture, streamOf(play, cell, fixture, streams));
    const place = placeOf(cell);
    const still = left.get(place)! - 1;
    left.set(place, still);
    if (still === 0) note(place);
    return { cell, modes };
  };
  const cells = cellsOf(isQuick);
  for (const cell of cells) left.set(placeOf(cell), (left.get(placeOf(cell)) ?? 0) + 1);
  return Promise.all(cells.map(playCell));
}

const placeOf = ({ server, deviceCount, draftMs }: Cell): string =>
  `target ${serverProfiles[server].name}, devices ${deviceCount}, draft ${draftMs} ms`;

function fixtureOf(cell: Cell, divergence: number, isQuick: boolean, seed: number): ServiceFixture {
  const { server, deviceCount, draftMs, roundTripMs } = cell;
  const link = linkModelOf(evenLink(roundTripMs));
  const seedCount = deviceCount === 1 ? 4 : isQuick ? 2 : deviceCount === 4 ? 4 : 3;
  return {
    deviceCount,
    devices: [{ name: 'device', share: 1, draftMs, divergence, link }],
    pass: serverProfiles[server].pass,
    answerTokens: deviceCount === 1 ? 128 : 96,
    seeds: Array.from({ length: seedCount }, (_, index) => seed * 1_000 + index),
  };
}

/** Streaming depends on neither drafts nor, behind its first token, the link: it is played once for a server and a size. */
function streamOf(
  play: RunService,
  { server, deviceCount }: Cell,
  fixture: ServiceFixture,
  streams: Map<string, Promise<ServiceResult>>,
): Promise<ServiceResult> {
  const key = `${server} ${deviceCount}`;
  const streamed = streams.get(key) ?? serve(play, fixture, stream);
  streams.set(key, streamed);
  return streamed;
}

/** Bundled models' tokens, both shells, real sockets; link, drafts and passes are imitated as in the simulator. */
async function realPoints(context: ExperimentContext): Promise<RealPoint[]> {
  const { models, isQuick, note } = context;
  const path = models.target();
  const grid = { roundTripsMs: [5, 50], draftsMs: [8], passMs: 30, turns: isQuick ? 3 : 7 };
  const fixture = await loopFixture(path, models.draft(), grid.turns, 96);
  const rows = await benchRace(
    path,
    fixture.vocabulary,
    fixture.recordings,
    fixture.sampling,
    grid,
    ({ roundTripMs }) => note(`real loop, round trip ${roundTripMs} ms`),
  );
  await fixture.close();
  return Promise.all(
    rows.map(async ({ roundTripMs, acceptanceRate, speed, speedInterval }) => ({
      roundTripMs,
      acceptance: acceptanceRate ?? 0,
      real: { value: speed, ...speedInterval },
      simulated: await simulatedSpeed(context, roundTripMs, acceptanceRate ?? 0),
    })),
  );
}

async function simulatedSpeed(
  { play, isQuick, seed }: ExperimentContext,
  roundTripMs: number,
  acceptance: number,
): Promise<Estimate> {
  const cell: Cell = { server: 'memory', deviceCount: 1, draftMs: 8, acceptance, roundTripMs };
  const fixture = fixtureOf(cell, divergenceFor(acceptance), isQuick, seed);
  const constant = { ...fixture, pass: { fixedMs: 30, tokenMs: 0, rowMs: 0, tokenContextMs: 0 } };
  const [raced, streamed] = await Promise.all([
    serve(play, constant, race),
    serve(play, constant, stream),
  ]);
  return speedOf(raced, streamed);
}
