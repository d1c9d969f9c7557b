// A small fleet on the real engine over real sockets, beside the same fleet in the simulator with the cost that was fitted
// to that engine's passes: what the simulated fleets are worth. Emulated: the link and the devices' pace.

import { startRelay } from '../../../src/cli/demo/relay.js';
import { startServerProcess } from '../../../src/cli/demo/server-handle.js';
import type { Estimate } from '../../../src/math/estimate.js';
import { medianEstimate, ratioEstimate } from '../../../src/math/estimate.js';
import { mean } from '../../../src/math/statistics.js';
import type { Mode } from '../../../src/protocol/frame.js';
import { divergenceFor } from '../../../src/sim/index.js';
import { linkProfiles } from '../../../src/sim/profiles/link-profiles.js';
import type { RunService } from '../../../src/sim/service/run-service.js';
import {
  linkModelOf,
  race,
  type Serving,
  serve,
  speedOf,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';
import { connectDevice, type TimedAnswer, type WriteTask, write } from '../../loop/fleet.js';
import { type LoopFixture, loopFixture } from '../../loop/loop-fixture.js';
import { replayDrafter } from '../../loop/replay-drafter.js';
import type { ExperimentContext } from '../../report/experiment.js';
import type { PassFit } from '../pass-fit.js';

export const realFleet = { deviceCount: 4, draftMs: 8, draftLength: 4, tokens: 40 } as const;
const { deviceCount, draftMs, draftLength, tokens } = realFleet;
const contextLength = 256;
const batching = { kind: 'static', count: deviceCount, waitMs: 50 } as const;

const rounds = stopAndWait(draftLength);
/** How the fleet is served, the first is the baseline. */
const servings = {
  'central, streaming': stream,
  'stop-and-wait, static batches of 4': { ...rounds, staticBatch: batching },
  'stop-and-wait, continuous batches': rounds,
  race,
} as const satisfies Record<string, Serving>;
const [baseline, ...drafting] = Object.keys(servings) as (keyof typeof servings)[];

export interface FleetPoint {
  readonly way: string;
  /** Speeds of a user, in units of streaming. */
  readonly real: Estimate;
  readonly simulated: Estimate;
  readonly acceptance: Estimate;
  /** Turns of each way. */
  readonly turnCount: number;
}

/** Turns of all ways, the warm-up apart: at least so many, then as many as the time allows. */
const turnsMin = 3;
const turnsMax = 8;
const budgetMs = 120_000;

/** Real first, then simulated. */
export async function playRealFleet(
  { models, isQuick, play, note, signal }: ExperimentContext,
  { cost }: PassFit,
): Promise<FleetPoint[]> {
  const targetPath = models.inflatedTarget();
  const fixture = await loopFixture(targetPath, models.draft(), deviceCount, tokens);
  const fleet = await openFleet(targetPath, fixture);
  const result = new Map<string, TimedAnswer[][]>();
  const endMs = performance.now() + (isQuick ? 0 : budgetMs);
  // The first turn warms up.
  for (let turn = 0; turn <= turnsMax && !signal.aborted; turn++) {
    if (turn > turnsMin && performance.now() > endMs) break;
    note(`real fleet, turn ${turn} of ${turnsMin} to ${turnsMax}`);
    for (const [variant, serving] of Object.entries(servings)) {
      if (signal.aborted) break;
      const written = await fleet.play(serving);
      if (turn > 0) result.set(variant, [...(result.get(variant) ?? []), written]);
    }
  }
  await fleet.close();
  await fixture.close();
  return signal.aborted ? [] : pointsOf(play, result, cost);
}

interface Fleet {
  play(serving: Serving): Promise<TimedAnswer[]>;
  close(): Promise<void>;
}

/** Two servers of one model, one for each kind of batching; the idle one computes nothing. */
async function openFleet(modelPath: string, fixture: LoopFixture): Promise<Fleet> {
  const { vocabulary, recordings, sampling } = fixture;
  const options = { modelPath, slotCount: deviceCount, contextLength, threads: 1, probe: false };
  const make = replayDrafter(recordings, draftMs, contextLength);
  const open = async (isStatic: boolean) => {
    const spec = { kind: 'llama', options, pace: null, ...(isStatic && { batching }) } as const;
    const server = await startServerProcess(spec);
    const relay = await startRelay(server.port, linkProfiles.wifi);
    const url = `ws://127.0.0.1:${relay.port}`;
    const devices = await Promise.all(
      Array.from({ length: deviceCount }, () =>
        connectDevice(url, vocabulary, { kind: 'custom', make, contextLength }),
      ),
    );
    const close = async (): Promise<void> => {
      for (const device of devices) await device.close();
      await relay.close();
      await server.stop();
    };
    return { devices, close };
  };
  const [continuous, waiting] = [await open(false), await open(true)];
  return {
    play: ({ mode, stopRule, staticBatch }) => {
      const { devices } = staticBatch ? waiting : continuous;
      return Promise.all(
        devices.map((device, index) => {
          const { prompt, seed } = recordings[index]!;
          const task: WriteTask = { ...taskOf(mode), prompt, seed, sampling, stopRule };
          return write(device, task);
        }),
      );
    },
    close: async () => {
      await continuous.close();
      await waiting.close();
    },
  };
}

const taskOf = (mode: Mode) => ({ mode, scheme: 'coupled', tokensMax: tokens }) as const;

const meanMs = (written: readonly TimedAnswer[]): number =>
  mean(written.map(({ tokenMs }) => tokenMs));

function pointsOf(
  play: RunService,
  result: ReadonlyMap<string, readonly TimedAnswer[][]>,
  cost: PassFit['cost'],
): Promise<FleetPoint[]> {
  const streamed = result.get(baseline!)!;
  const pointOf = async (variant: (typeof drafting)[number]): Promise<FleetPoint> => {
    const turns = result.get(variant)!;
    const acceptance = ratioEstimate(
      turns.flat().map(({ statistics: { acceptedCount, testedCount } }) => ({
        part: acceptedCount,
        whole: testedCount,
      })),
    );
    return {
      way: variant,
      acceptance,
      turnCount: turns.length,
      real: medianEstimate(turns.map((turn, index) => meanMs(streamed[index]!) / meanMs(turn))),
      simulated: await simulatedSpeed(play, servings[variant], acceptance.value, cost),
    };
  };
  return Promise.all(drafting.map(pointOf));
}

const simulatedSeeds = Array.from({ length: 8 }, (_, index) => index + 1);

async function simulatedSpeed(
  play: RunService,
  serving: Serving,
  acceptance: number,
  pass: PassFit['cost'],
): Promise<Estimate> {
  const divergence = divergenceFor(acceptance);
  const link = linkModelOf(linkProfiles.wifi);
  const devices = [{ name: 'device', share: 1, draftMs, divergence, link }];
  const fixture = { deviceCount, devices, pass, answerTokens: tokens, seeds: simulatedSeeds };
  const [served, streamed] = await Promise.all([
    serve(play, fixture, serving),
    serve(play, fixture, stream),
  ]);
  return speedOf(served, streamed);
}
