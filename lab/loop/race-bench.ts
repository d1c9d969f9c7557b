// Race against streaming over round trips, for devices faster and slower than the target. Emulated: the link (relay.ts),
// the device's pace (replay-drafter.ts), and the target's pass time (paced-engine.ts: a pass costs the same whatever its
// rows, as on an accelerator bound by memory). Real: the models' tokens and acceptance, both cores, shells and sockets.

import { type Relay, startRelay } from '../../src/cli/demo/relay.js';
import { type ServerHandle, startServerProcess } from '../../src/cli/demo/server-handle.js';
import type { Client } from '../../src/device/index.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import type { Sampling } from '../../src/math/sampling.js';
import { mean, median, medianInterval } from '../../src/math/statistics.js';
import { evenLink } from '../../src/sim/profiles/link-profiles.js';
import { connectDevice, type TimedAnswer, write } from './fleet.js';
import { geometricMatches, raceModelTokenMs } from './race-model.js';
import { agreementRate, type Recording } from './recording.js';
import { replayDrafter } from './replay-drafter.js';

export interface RaceGrid {
  readonly roundTripsMs: readonly number[];
  readonly draftsMs: readonly number[];
  readonly passMs: number;
  readonly turns: number;
}

export const raceGrid: Omit<RaceGrid, 'turns'> = {
  roundTripsMs: [0, 5, 20, 50, 100, 200],
  draftsMs: [8, 40],
  passMs: 30,
};

export interface RaceRow {
  readonly roundTripMs: number;
  readonly draftMs: number;
  /** Medians over turns. Speed of race in units of streaming, of the same text; its smallest turn beside it. */
  readonly speed: number;
  readonly speedMin: number;
  /** 95 % of the median. */
  readonly speedInterval: { readonly low: number; readonly high: number };
  /** What the model of race says for these texts, and for independent acceptance at the measured rate. */
  readonly modelSpeed: number;
  readonly geometricSpeed: number;
  readonly acceptanceRate: number | null;
  /** Measured: a pass, a drafted token, the round trip as the device's pings saw it. */
  readonly passMs: number;
  readonly draftMsMeasured: number | null;
  readonly roundTripMsMeasured: number;
  /** Of race, for each committed token. */
  readonly passesPerToken: number;
  readonly rowsPerToken: number;
  readonly messagesUpPerToken: number;
  readonly bytesUpPerToken: number;
  readonly bytesDownPerToken: number;
  /** Whether race and streaming wrote the same text in every turn. */
  readonly isSameText: boolean;
}

interface RaceFixture {
  readonly server: ServerHandle;
  readonly relay: Relay;
  readonly vocabulary: Vocabulary;
  readonly recordings: readonly Recording[];
  readonly sampling: Sampling;
  readonly grid: RaceGrid;
}

/** @param modelPath a small target: what it computes has to fit into the emulated pass. */
export async function benchRace(
  modelPath: string,
  vocabulary: Vocabulary,
  recordings: readonly Recording[],
  sampling: Sampling,
  grid: RaceGrid,
  onRow: (row: RaceRow) => void,
): Promise<RaceRow[]> {
  const options = { modelPath, slotCount: 4, contextLength: 512, threads: 1, probe: false };
  const times = { passMs: grid.passMs, rowMs: 0 };
  const server = await startServerProcess({ kind: 'llama', options, pace: times });
  const relay = await startRelay(server.port, evenLink(0));
  const fixture = { server, relay, vocabulary, recordings, sampling, grid };
  const rows: RaceRow[] = [];
  for (const draftMs of grid.draftsMs) {
    for (const roundTripMs of grid.roundTripsMs) {
      rows.push(await benchCell(fixture, draftMs, roundTripMs));
      onRow(rows.at(-1)!);
    }
  }
  await relay.close();
  await server.stop();
  return rows;
}

interface Turn {
  readonly stream: TimedAnswer;
  readonly race: TimedAnswer;
  readonly recording: Recording;
  readonly passCount: number;
  readonly rowCount: number;
}

async function benchCell(
  fixture: RaceFixture,
  draftMs: number,
  roundTripMs: number,
): Promise<RaceRow> {
  const { relay, vocabulary, recordings, grid } = fixture;
  relay.shape = evenLink(roundTripMs);
  const url = `ws://127.0.0.1:${relay.port}`;
  const make = replayDrafter(recordings, draftMs, 512);
  const device = await connectDevice(url, vocabulary, { kind: 'custom', make, contextLength: 512 });
  const turns: Turn[] = [];
  for (let turn = 0; turn < grid.turns; turn++) turns.push(await playTurn(fixture, device, turn));
  await device.close();
  return rowOf(turns, draftMs, roundTripMs);
}

/** One text both ways, in turns first and second. */
async function playTurn(fixture: RaceFixture, device: Client, turn: number): Promise<Turn> {
  const recording = fixture.recordings[turn % fixture.recordings.length]!;
  const { prompt, seed, text } = recording;
  const task = {
    prompt,
    seed,
    sampling: fixture.sampling,
    scheme: 'coupled',
    tokensMax: text.length,
  } as const;
  const stream = (): Promise<TimedAnswer> => write(device, { ...task, mode: 'stream' });
  const early = turn % 2 === 0 ? await stream() : null;
  const before = (await fixture.server.report()).stats!.core;
  const race = await write(device, { ...task, mode: 'race' });
  const after = (await fixture.server.report()).stats!.core;
  return {
    stream: early ?? (await stream()),
    race,
    recording,
    passCount: after.passCount - before.passCount,
    rowCount: after.rowCount - before.rowCount,
  };
}

function rowOf(turns: readonly Turn[], draftMs: number, roundTripMs: number): RaceRow {
  const of = (value: (turn: Turn) => number): number => median(turns.map(value));
  const perToken = (value: (turn: Turn) => number): number =>
    of((turn) => value(turn) / turn.race.tokens.length);
  const speeds = turns.map(({ stream, race }) => stream.tokenMs / race.tokenMs);
  const acceptanceRate = meanOrNull(turns.map(({ race }) => race.statistics.acceptanceRate));
  const times = {
    // A drafter that rests for most of the time has told few tokens; its setting stands in.
    draftMs: meanOrNull(turns.map(({ race }) => race.statistics.draftMs)) ?? draftMs,
    passMs: of(({ stream }) => stream.tokenMs),
    roundTripMs: of(({ race }) => race.statistics.roundTripMs ?? roundTripMs),
  };
  const modelSpeed = of(
    ({ recording }) => times.passMs / raceModelTokenMs(times, matchesOf(recording)),
  );
  const rate = mean(turns.map(({ recording }) => agreementRate(recording)));
  const geometric = geometricMatches(acceptanceRate ?? rate, 4000);
  return {
    roundTripMs,
    draftMs,
    speed: median(speeds),
    speedMin: Math.min(...speeds),
    speedInterval: medianInterval(speeds),
    modelSpeed,
    geometricSpeed: times.passMs / raceModelTokenMs(times, geometric),
    acceptanceRate,
    passMs: times.passMs,
    draftMsMeasured: times.draftMs,
    roundTripMsMeasured: times.roundTripMs,
    passesPerToken: perToken(({ passCount }) => passCount),
    rowsPerToken: perToken(({ rowCount }) => rowCount),
    messagesUpPerToken: perToken(({ race }) => race.statistics.upMessageCount),
    bytesUpPerToken: perToken(({ race }) => race.statistics.upBytes),
    bytesDownPerToken: perToken(({ race }) => race.statistics.downBytes),
    isSameText: turns.every(({ stream, race }) => `${stream.tokens}` === `${race.tokens}`),
  };
}

const matchesOf = ({ text, proposals }: Recording): boolean[] =>
  Array.from(text, (token, index) => token === proposals[index]);

function meanOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : mean(known);
}
