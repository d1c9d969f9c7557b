// Drafting ahead over real sockets: one device, the inflated target with a trained exit in a process of its own, passes and
// hints that take what they take. Emulated: the device's pace (replay-drafter.ts) and the link (relay.ts).

import { PilotfishError } from '../../../src/base/error.js';
import { type Relay, startRelay } from '../../../src/cli/demo/relay.js';
import { startServerProcess } from '../../../src/cli/demo/server-handle.js';
import { draftSlotsMax } from '../../../src/device/drafter/draft-slots.js';
import type { Client } from '../../../src/device/index.js';
import { medianEstimate } from '../../../src/math/estimate.js';
import type { Mode } from '../../../src/protocol/frame.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import { connectDevice, type TimedAnswer, write } from '../../loop/fleet.js';
import { type LoopFixture, loopFixture } from '../../loop/loop-fixture.js';
import { replayDrafter } from '../../loop/replay-drafter.js';
import type { ExperimentContext } from '../../report/experiment.js';
import type { Row } from '../../report/result.js';
import { budgetOf, type ExitSetting, type ExitVariant } from './fixture.js';
import { hintsOf, hitsOf, speedAgainst, type Texts } from './values.js';

/** Of one device. In pipeline and race there is nothing but drafting ahead, so that `none` is stop-and-wait's alone. */
export const socketCells: readonly (readonly [mode: Mode, way: ExitVariant])[] = [
  ['stop-and-wait', 'none'],
  ['stop-and-wait', 'own'],
  ['stop-and-wait', 'all'],
  ['pipeline', 'own'],
  ['pipeline', 'all'],
  ['race', 'own'],
  ['race', 'all'],
];

export interface SocketGrid extends Pick<ExitSetting, 'draftLength' | 'budget'> {
  readonly draftMs: number;
  /** See Pace. */
  readonly rowShare: number;
  readonly layer: number;
  readonly roundTripsMs: readonly number[];
  readonly textCount: number;
  /** Of each text. */
  readonly tokenCount: number;
}

export interface SocketRows {
  readonly rows: readonly Row[];
  /** Every text that its recording holds, to the last token. */
  readonly isSameText: boolean;
}

interface Bench extends LoopFixture {
  readonly grid: SocketGrid;
  readonly relay: Relay;
  readonly signal: ExperimentContext['signal'];
  readonly devices: ReadonlyMap<ExitVariant, Client>;
}

/**
 * The same texts in every cell, cell after cell, so that whatever else the machine does hits all.
 *
 * @throws PilotfishError `cancelled` where it was stopped; `engine-failed` where the server's process ended.
 */
export async function playSockets(
  { models, note, signal }: ExperimentContext,
  grid: SocketGrid,
): Promise<SocketRows> {
  const modelPath = models.inflatedTarget();
  const runnersUpMax = budgetOf({ way: 'all', budget: grid.budget }).runnersUpMax;
  const { textCount, tokenCount } = grid;
  const fixture = await loopFixture(modelPath, models.draft(), textCount, tokenCount, runnersUpMax);
  const exit = { headPath: models.inflatedExit(grid.layer, modelPath) };
  const options = {
    ...{ modelPath, exit, slotCount: 1, contextLength: 512 },
    ...{ threads: 1, probe: false, deterministic: true },
  };
  const server = await startServerProcess({ kind: 'llama', options, pace: null });
  const relay = await startRelay(server.port, evenLink(0));
  const bench = {
    ...fixture,
    grid,
    relay,
    signal,
    devices: await connectAll(fixture, grid, relay.port),
  };
  const found: SocketRows[] = [];
  try {
    for (const roundTripMs of grid.roundTripsMs) {
      found.push(await playRoundTrip(bench, roundTripMs));
      note(`over sockets, round trip ${roundTripMs} ms`);
    }
  } finally {
    for (const device of bench.devices.values()) await device.close();
    await relay.close();
    await server.stop();
    await fixture.close();
  }
  return {
    rows: found.flatMap(({ rows }) => rows),
    isSameText: found.every(({ isSameText }) => isSameText),
  };
}

/** A device for each way: what it gives for being early is said once. */
async function connectAll(
  { recordings, vocabulary }: LoopFixture,
  { draftMs, rowShare, budget }: SocketGrid,
  port: number,
): Promise<Map<ExitVariant, Client>> {
  const devices = new Map<ExitVariant, Client>();
  for (const [, variant] of socketCells) {
    if (devices.has(variant)) continue;
    const make = replayDrafter(recordings, draftMs, 512, rowShare);
    const drafter = {
      kind: 'custom',
      make,
      contextLength: 512,
      sequencesMax: draftSlotsMax,
    } as const;
    const ahead = budgetOf({ way: variant, budget });
    devices.set(variant, await connectDevice(`ws://127.0.0.1:${port}`, vocabulary, drafter, ahead));
  }
  return devices;
}

async function playRoundTrip(bench: Bench, roundTripMs: number): Promise<SocketRows> {
  const { relay, recordings, grid } = bench;
  relay.shape = evenLink(roundTripMs);
  const result = socketCells.map((): TimedAnswer[] => []);
  let isSameText = true;
  for (const [turn, { text }] of recordings.entries()) {
    // Each cell comes first in some text: none is always the one behind a pause.
    for (const step of socketCells.keys()) {
      if (bench.signal.aborted) throw new PilotfishError('cancelled', 'the experiment was stopped');
      const index = (turn + step) % socketCells.length;
      const written = await playCell(bench, turn, index);
      result[index]!.push(written);
      isSameText &&= `${written.tokens}` === `${[...text]}`;
    }
  }
  const texts = result.map(textsOf);
  const rows = socketCells.map(([mode, variant], index): Row => {
    const base = texts[socketCells.findIndex(([other]) => other === mode)]!;
    return {
      keys: [mode, grid.draftLength, roundTripMs, variant],
      values: valuesOf(texts[index]!, base, texts[0]!),
    };
  });
  return { rows, isSameText };
}

function playCell(
  { recordings, sampling, devices, grid }: Bench,
  turn: number,
  index: number,
): Promise<TimedAnswer> {
  const [mode, variant] = socketCells[index]!;
  const { prompt, seed, text } = recordings[turn]!;
  return write(devices.get(variant)!, {
    ...{ prompt, seed, sampling, mode, scheme: 'coupled', tokensMax: text.length },
    stopRule: { kind: 'fixed', draftLengthMax: grid.draftLength },
  });
}

const textsOf = (written: readonly TimedAnswer[]): Texts =>
  written.map(({ tokenMs, statistics }) => ({
    tokenMs: [tokenMs],
    statistics: [statistics],
  }));

/** @param base of the same mode. @param none stop-and-wait without drafting ahead. */
function valuesOf(texts: Texts, base: Texts, none: Texts): Row['values'] {
  const passesMs = texts.flatMap(({ statistics }) => statistics[0]!.verifyMs ?? []);
  return [
    // Of a machine that does other things as well: a mean would be its worst moment.
    medianEstimate(texts.map(({ tokenMs }) => tokenMs[0]!)),
    speedAgainst(texts, base)[1],
    speedAgainst(texts, none)[1],
    passesMs.length > 0 ? medianEstimate(passesMs) : null,
    ...hintsOf(texts),
    ...hitsOf(texts),
  ];
}
