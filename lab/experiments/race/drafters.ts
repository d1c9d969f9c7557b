// Where real drafters lie on the map's axis of acceptance: the bundled draft models and a look-up in the text, over
// temperatures, in rounds of the shipped client and server; and what the simulated race makes of each acceptance.

import { storyPrompts } from '../../../src/cli/demo/openings.js';
import { startServerProcess } from '../../../src/cli/demo/server-handle.js';
import { loadLlamaEngine } from '../../../src/engine/llama/index.js';
import type { Estimate } from '../../../src/math/estimate.js';
import { ratioEstimate } from '../../../src/math/estimate.js';
import { plainSampling } from '../../../src/math/sampling.js';
import { acceptanceLeast, divergenceFor } from '../../../src/sim/index.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import { serverProfiles } from '../../../src/sim/profiles/server-profiles.js';
import { linkModelOf, race, serve, speedOf, stream } from '../../../src/sim/service/serve.js';
import { connectDevice, type TimedAnswer, write } from '../../loop/fleet.js';
import type { ExperimentContext } from '../../report/experiment.js';
import type { Table } from '../../report/result.js';

const temperatures = [0, 0.5, 0.8, 1];
const topK = 40;
const draftLength = 4;
const tokensMax = 64;
const roundTripMs = 20;
const draftMs = 8;
const load = { contextLength: 512, threads: 1, probe: false } as const;

export interface DrafterResult {
  readonly drafter: string;
  readonly temperature: number;
  readonly acceptance: Estimate;
  /** For each committed token. */
  readonly drafted: Estimate;
  /** Of streaming, in virtual time; null for what drafts only now and then, which the simulator's devices do not. */
  readonly speed: Estimate | null;
}

/** Acceptance depends on no clock: passes take what they take. */
export async function playDrafters(context: ExperimentContext): Promise<DrafterResult[]> {
  const { models, isQuick, note, signal } = context;
  const options = { ...load, modelPath: models.target(), slotCount: 2 };
  const server = await startServerProcess({ kind: 'llama', options, pace: null });
  const engine = await loadLlamaEngine({ ...load, modelPath: models.draft() });
  const { vocabulary } = engine.info;
  const drafters = {
    'bundled draft model': { kind: 'engine', engine },
    'look-up in the text': { kind: 'ngram' },
  } as const;
  const prompts = storyPrompts.slice(0, isQuick ? 3 : 8);
  const written: { drafter: string; temperature: number; texts: TimedAnswer[] }[] = [];
  for (const [drafter, choice] of Object.entries(drafters)) {
    const device = await connectDevice(`ws://127.0.0.1:${server.port}`, vocabulary, choice);
    for (const temperature of temperatures) {
      const texts: TimedAnswer[] = [];
      for (const [index, prompt] of prompts.entries()) {
        if (signal.aborted) break;
        const task = {
          mode: 'stop-and-wait',
          tokensMax,
          seed: BigInt(index),
          scheme: temperature === 0 ? 'greedy' : 'coupled',
          prompt: vocabulary.tokenize(prompt, { addBos: true, parseSpecial: false }),
          sampling: { ...plainSampling, temperature, topK },
          stopRule: { kind: 'fixed', draftLengthMax: draftLength },
        } as const;
        texts.push(await write(device, task));
      }
      written.push({ drafter, temperature, texts });
    }
    await device.close();
    note(`acceptance, ${drafter}`);
  }
  await engine.close();
  await server.stop();
  if (signal.aborted) return [];
  return Promise.all(written.map((one) => placed(context, one)));
}

async function placed(
  context: ExperimentContext,
  { drafter, temperature, texts }: { drafter: string; temperature: number; texts: TimedAnswer[] },
): Promise<DrafterResult> {
  const acceptance = ratioEstimate(
    texts.map(({ statistics: { acceptedCount, testedCount } }) => ({
      part: acceptedCount,
      whole: testedCount,
    })),
  );
  const drafted = ratioEstimate(
    texts.map(({ statistics, tokens }) => ({
      part: statistics.draftedCount,
      whole: tokens.length,
    })),
  );
  const isSteady = drafter === 'bundled draft model' && acceptance.value > acceptanceLeast;
  const speed = isSteady ? await speedAt(context, acceptance.value) : null;
  return { drafter, temperature, acceptance, drafted, speed };
}

async function speedAt(
  { play, isQuick, seed }: ExperimentContext,
  acceptance: number,
): Promise<Estimate> {
  const divergence = divergenceFor(acceptance);
  const link = linkModelOf(evenLink(roundTripMs));
  const fixture = {
    deviceCount: 1,
    devices: [{ name: 'device', share: 1, draftMs, divergence, link }],
    pass: serverProfiles.memory.pass,
    answerTokens: 128,
    seeds: Array.from({ length: isQuick ? 4 : 12 }, (_, index) => seed * 1_000 + index),
  };
  const [raced, streamed] = await Promise.all([
    serve(play, fixture, race),
    serve(play, fixture, stream),
  ]);
  return speedOf(raced, streamed);
}

export const draftersTable = (result: readonly DrafterResult[]): Table => ({
  id: 'drafters',
  title: `real drafters on the map: coupled (greedy at temperature 0), top-k ${topK}, rounds of ${draftLength}; race at that acceptance with drafts of ${draftMs} ms and a round trip of ${roundTripMs}`,
  keys: [
    { name: 'drafter', title: 'drafter', unit: '' },
    { name: 'temperature', title: 'temperature', unit: '' },
  ],
  values: [
    { name: 'acceptance', title: 'accepted / tested', unit: '', origin: 'measured' },
    { name: 'drafted', title: 'drafted a token', unit: '', origin: 'measured' },
    { name: 'speed', title: 'race, of streaming', unit: '', origin: 'simulated' },
  ],
  rows: result.map(({ drafter, temperature, acceptance, drafted, speed }) => ({
    keys: [drafter, temperature],
    values: [acceptance, drafted, speed],
  })),
  isShown: true,
});
