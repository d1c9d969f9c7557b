// Serves a small fleet on the real engine over real sockets, beside the same fleet in the simulator
// with the fitted cost. Emulated: the link and the devices' pace.

import { medianEstimate } from '../../../src/math/estimate.js';
import type { PassCost } from '../../../src/math/pass-time.js';
import { mean } from '../../../src/math/statistics.js';
import { linkProfiles } from '../../../src/sim/profiles/link-profiles.js';
import { race, type Serving, stopAndWait, stream } from '../../../src/sim/service/serve.js';
import { fleetAcceptance, type TimedAnswer, write } from '../../loop/fleet.js';
import {
  LoopFixture,
  llamaServer,
  type RecordedTexts,
  recordTexts,
  replayTask,
} from '../../loop/loop-fixture.js';
import { replayDrafter } from '../../loop/replay-drafter.js';
import type { ExperimentContext } from '../../report/experiment.js';
import { fixtureOf } from '../fixture.js';
import { besideStream } from '../race/modes.js';

export const realFleet = { deviceCount: 4, draftMs: 8, draftLength: 4, tokens: 40 } as const;
const { deviceCount, draftMs, draftLength, tokens } = realFleet;
const contextLength = 256;
const batching = { kind: 'static', count: deviceCount, waitMs: 50 } as const;

const rounds = stopAndWait(draftLength);
/** How the fleet is served; the first is the baseline. */
const servings: Readonly<Record<string, Serving>> = {
  'central, streaming': stream,
  'stop-and-wait, static batches of 4': { ...rounds, staticBatch: batching },
  'stop-and-wait, continuous batches': rounds,
  race,
};

/** Turns of all ways, the warm-up apart: at least so many, then as many as the time allows. */
const turnsMin = 3;
const turnsMax = 8;
const budgetMs = 120_000;

/** Real first, then simulated. @returns rows, and the turns of each way. */
export async function runRealFleet(context: ExperimentContext, pass: PassCost) {
  const { models, isQuick, note, signal } = context;
  const target = models.inflatedTarget();
  const texts = await recordTexts({ target, draft: models.draft() }, deviceCount, tokens);
  const fleet = await openFleet(target, texts);
  const written = new Map(Object.keys(servings).map((way): [string, TimedAnswer[][]] => [way, []]));
  const endMs = performance.now() + (isQuick ? 0 : budgetMs);
  // The first turn warms up.
  for (let turn = 0; turn <= turnsMax && !signal.aborted; turn++) {
    if (turn > turnsMin && performance.now() > endMs) break;
    note(`real fleet, turn ${turn} of ${turnsMin} to ${turnsMax}`);
    for (const [way, serving] of Object.entries(servings)) {
      if (signal.aborted) break;
      const answers = await fleet.answer(serving);
      if (turn > 0) written.get(way)!.push(answers);
    }
  }
  await fleet.close();
  await texts.close();
  if (signal.aborted) return { rows: [], turnCount: 0 };
  const [streamed, ...drafted] = [...written];
  const rows = await Promise.all(
    drafted.map(async ([way, turns]) => {
      const acceptance = fleetAcceptance(turns.flat());
      const ratios = turns.map((turn, index) => meanMs(streamed![1][index]!) / meanMs(turn));
      const { speed: simulated } = await simulate(context, servings[way]!, acceptance.value, pass);
      return { way, acceptance, real: medianEstimate(ratios), simulated };
    }),
  );
  return { rows, turnCount: streamed![1].length };
}

/** Two servers of one model, one for each kind of batching; the idle one computes nothing. */
async function openFleet(modelPath: string, texts: RecordedTexts) {
  const options = { modelPath, slotCount: deviceCount, contextLength };
  const drafter = replayDrafter(texts.recordings, draftMs, contextLength);
  const open = async (isStatic: boolean) => {
    const spec = llamaServer(options, isStatic ? { batching } : {});
    const loop = await LoopFixture.open(spec, texts.vocabulary, linkProfiles.wifi);
    const devices = Array.from({ length: deviceCount }, () => loop.connect(drafter));
    return { loop, devices: await Promise.all(devices) };
  };
  const [continuous, waiting] = [await open(false), await open(true)];
  return {
    /** A recorded text of each device at once. */
    answer: ({ mode, stopRule, staticBatch }: Serving): Promise<TimedAnswer[]> => {
      const { devices } = staticBatch ? waiting : continuous;
      const task = (index: number) => ({ ...replayTask(texts, index), mode, stopRule });
      return Promise.all(devices.map((device, index) => write(device, task(index))));
    },
    close: async () => {
      await continuous.loop.close();
      await waiting.loop.close();
    },
  };
}

const meanMs = (written: readonly TimedAnswer[]): number =>
  mean(written.map(({ tokenMs }) => tokenMs));

function simulate(
  { play }: ExperimentContext,
  serving: Serving,
  acceptance: number,
  pass: PassCost,
) {
  const fixture = fixtureOf({
    ...{ deviceCount, draftMs, acceptance, link: linkProfiles.wifi, pass },
    ...{ answerTokens: tokens, seeds: Array.from({ length: 8 }, (_, index) => index + 1) },
  });
  return besideStream(play, fixture, serving);
}
