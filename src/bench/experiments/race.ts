// Which mode serves a user fastest, over round trip, acceptance, pace of the device, number of devices and kind of target:
// the shipped cores in virtual time, and a few real points beside.

import { divergenceFor } from '../../sim/index.js';
import { loopBed } from '../loop/loop-bed.js';
import { benchRace } from '../loop/race-bench.js';
import { evenLink } from '../profiles/link-profiles.js';
import { type ServerName, serverProfiles } from '../profiles/server-profiles.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { raceFindings } from './race-findings.js';
import { playGains } from './race-gain.js';
import { playLinks } from './race-links.js';
import { type ModePlayed, playModes } from './race-modes.js';
import {
  type Bed,
  linkModelOf,
  race,
  type Served,
  serve,
  speedOf,
  stream,
} from './virtual-service.js';

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

export interface CellPlayed {
  readonly cell: Cell;
  readonly modes: readonly ModePlayed[];
}

/** The real loop beside the simulator, at one round trip. */
export interface RealPoint {
  readonly roundTripMs: number;
  readonly acceptance: number;
  /** Speed of race in units of streaming. */
  readonly real: { readonly value: number; readonly low: number; readonly high: number };
  readonly simulated: { readonly value: number; readonly low: number; readonly high: number };
}

export const raceExperiment: Experiment = {
  id: 'race',
  title: 'Which mode wins where',
  question:
    'How long does a user wait for a token in streaming, stop-and-wait at its best draft length, pipeline and race, and what does it cost?',
  minutes: 7,
  run: async (context) => {
    const played = await playGrid(context);
    const { isQuick, seed, note, signal } = context;
    if (!signal.aborted) note('gain against the model, and links with jitter and stalls');
    const gains = signal.aborted ? [] : playGains(isQuick, seed);
    const links = signal.aborted ? [] : playLinks(isQuick, seed);
    const points = signal.aborted ? [] : await realPoints(context);
    return raceFindings(played, { gains, links, points });
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

async function playGrid({ isQuick, seed, note, signal }: ExperimentContext): Promise<CellPlayed[]> {
  const divergences = new Map(acceptances.map((rate) => [rate, divergenceFor(rate)]));
  const streams = new Map<string, Served>();
  const played: CellPlayed[] = [];
  let last = '';
  for (const cell of cellsOf(isQuick)) {
    if (signal.aborted) break;
    const bed = bedOf(cell, divergences.get(cell.acceptance)!, isQuick, seed);
    played.push({ cell, modes: playCell(cell, bed, streams) });
    const place = `target bound by ${cell.server}, devices ${cell.deviceCount}, draft ${cell.draftMs} ms`;
    if (place !== last) note(place);
    last = place;
    // Signals wait for the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return played;
}

function bedOf(cell: Cell, divergence: number, isQuick: boolean, seed: number): Bed {
  const { server, deviceCount, draftMs, roundTripMs } = cell;
  const link = linkModelOf(evenLink(roundTripMs));
  const seedCount = deviceCount === 1 ? 4 : deviceCount === 4 && !isQuick ? 4 : 2;
  return {
    deviceCount,
    devices: [{ name: 'device', share: 1, draftMs, divergence, link }],
    pass: serverProfiles[server].pass,
    answerTokens: 128,
    seeds: Array.from({ length: seedCount }, (_, index) => seed * 1_000 + index),
  };
}

/** Streaming depends on neither drafts nor, behind its first token, the link. */
function playCell(cell: Cell, bed: Bed, streams: Map<string, Served>): ModePlayed[] {
  const place = `${cell.server} ${cell.deviceCount}`;
  const modes = playModes(bed, streams.get(place));
  streams.set(place, modes[0]!.served);
  return modes;
}

/** Bundled models' tokens, both shells, real sockets; link, drafts and passes are imitated as in the simulator. */
async function realPoints({
  models,
  isQuick,
  seed,
  note,
}: ExperimentContext): Promise<RealPoint[]> {
  const path = models.target();
  const grid = { roundTripsMs: [5, 50], draftsMs: [8], passMs: 30, turns: isQuick ? 3 : 7 };
  const bed = await loopBed(path, models.draft(), grid.turns, 96);
  const rows = await benchRace(
    path,
    bed.vocabulary,
    bed.recordings,
    bed.sampling,
    grid,
    ({ roundTripMs }) => note(`real loop, round trip ${roundTripMs} ms`),
  );
  await bed.close();
  return rows.map(({ roundTripMs, acceptanceRate, speed, speedInterval }) => ({
    roundTripMs,
    acceptance: acceptanceRate ?? 0,
    real: { value: speed, ...speedInterval },
    simulated: simulatedSpeed(roundTripMs, acceptanceRate ?? 0, isQuick, seed),
  }));
}

function simulatedSpeed(roundTripMs: number, acceptance: number, isQuick: boolean, seed: number) {
  const cell: Cell = { server: 'memory', deviceCount: 1, draftMs: 8, acceptance, roundTripMs };
  const bed = bedOf(cell, divergenceFor(acceptance), isQuick, seed);
  const constant = { ...bed, pass: { fixedMs: 30, tokenMs: 0, rowMs: 0, tokenContextMs: 0 } };
  return speedOf(serve(constant, race), serve(constant, stream));
}
