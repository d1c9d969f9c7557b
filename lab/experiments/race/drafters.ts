// Places real drafters on the map's axis of acceptance, in rounds of the shipped client and server,
// and tells what the simulated race makes of each acceptance.

import { loadLlamaEngine } from '../../../src/engine/llama/index.js';
import { type Estimate, ratioEstimate } from '../../../src/math/estimate.js';
import { plainSampling } from '../../../src/math/sampling.js';
import { acceptanceLeast } from '../../../src/sim/index.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../../src/sim/profiles/server-profiles.js';
import { storyPrompt } from '../../bundled-texts.js';
import { fleetAcceptance, type TimedAnswer, write } from '../../loop/fleet.js';
import { LoopFixture, llamaServer } from '../../loop/loop-fixture.js';
import type { ExperimentContext } from '../../report/experiment.js';
import { fixtureOf, seedsOf } from '../fixture.js';
import { raceSpeed } from './modes.js';

const temperatures = [0, 0.5, 0.8, 1];
export const drafterSettings = { topK: 40, draftLength: 4, roundTripMs: 20, draftMs: 8 } as const;
const { topK, draftLength, roundTripMs, draftMs } = drafterSettings;
const tokensMax = 64;
const contextLength = 512;
const model = 'bundled draft model';

/** A row for each drafter and temperature. Acceptance depends on no clock. */
export async function runDrafters(context: ExperimentContext) {
  const { models, isQuick, note, signal } = context;
  const load = { modelPath: models.draft(), contextLength, threads: 1, probe: false };
  const engine = await loadLlamaEngine(load);
  const { vocabulary } = engine.info;
  const options = { modelPath: models.target(), contextLength, slotCount: 2 };
  const loop = await LoopFixture.open(llamaServer(options), vocabulary, null);
  const drafters = {
    [model]: { kind: 'engine', engine },
    'look-up in the text': { kind: 'suffix' },
  } as const;
  const runs: { drafter: string; temperature: number; texts: TimedAnswer[] }[] = [];
  for (const [drafter, choice] of Object.entries(drafters)) {
    const device = await loop.connect(choice);
    for (const temperature of temperatures) {
      const texts: TimedAnswer[] = [];
      for (let index = 0; index < (isQuick ? 3 : 8) && !signal.aborted; index++) {
        const task = {
          mode: 'stop-and-wait',
          tokensMax,
          seed: BigInt(index),
          prompt: storyPrompt(vocabulary, index),
          scheme: temperature === 0 ? 'greedy' : 'coupled',
          sampling: { ...plainSampling, temperature, topK },
          stopRule: { kind: 'fixed', draftLengthMax: draftLength },
        } as const;
        texts.push(await write(device, task));
      }
      runs.push({ drafter, temperature, texts });
    }
    note(`acceptance, ${drafter}`);
  }
  await loop.close();
  await engine.close();
  if (signal.aborted) return [];
  return Promise.all(
    runs.map(async ({ drafter, temperature, texts }) => {
      const acceptance = fleetAcceptance(texts);
      // What drafts only now and then has no counterpart in the simulator.
      const isSteady = drafter === model && acceptance.value > acceptanceLeast;
      return {
        ...{ drafter, temperature, acceptance, drafted: draftedOf(texts) },
        speed: isSteady ? await speedAt(context, acceptance.value) : null,
      };
    }),
  );
}

/** For each committed token. */
const draftedOf = (texts: readonly TimedAnswer[]): Estimate =>
  ratioEstimate(
    texts.map(({ statistics, tokens }) => ({
      part: statistics.draftedCount,
      whole: tokens.length,
    })),
  );

const speedAt = ({ play, isQuick, seed }: ExperimentContext, acceptance: number) =>
  raceSpeed(
    play,
    fixtureOf({
      ...{ draftMs, acceptance, link: evenLink(roundTripMs), pass: serverProfiles.memory.pass },
      ...{ answerTokens: 128, seeds: seedsOf(seed, isQuick ? 4 : 12) },
    }),
  );
