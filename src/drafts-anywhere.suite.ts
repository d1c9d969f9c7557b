// Writes the same answers over sockets with drafts from everywhere: models and look-ups of device
// and server, all of them and none. Under deterministic each is the text of the target.

import assert from 'node:assert/strict';
import { storyPrompts } from './cli/demo/openings.js';
import { connect, type DrafterChoice } from './device/client.js';
import type { Engine } from './engine/engine.js';
import { bundledModel } from './engine/llama/bundled.js';
import { loadLlamaEngine } from './engine/llama/llama-engine.js';
import { speculate } from './engine/local/speculate.js';
import { plainSampling } from './math/sampling.js';
import type { Mode } from './protocol/frame.js';
import { startServer } from './server/server.js';
import type { ServerOptions } from './server/server-options.js';

export interface AnywhereOptions {
  readonly promptCount: number;
  readonly tokensMax: number;
  /** One answer for each prompt and temperature; 0: greedy. */
  readonly temperatures: readonly number[];
  readonly seeds: readonly bigint[];
}

interface Wanted {
  readonly ids: Int32Array;
  readonly temperature: number;
  readonly seed: bigint;
  /** [n] of the target alone. */
  readonly text: readonly number[];
}

/** Tokens by who drafted them, of all answers. */
export type SourceSums = Record<'device' | 'model' | 'suffix' | 'target', number>;

/** Answers that are written at once. */
const atOnce = 4;

const load = (name: string, slotCount: number, deterministic: boolean): Promise<Engine> =>
  loadLlamaEngine({
    ...{ modelPath: bundledModel(name), slotCount, deterministic },
    ...{ threads: 1, contextLength: 512, probe: false },
  });

/** @returns how many answers were compared, and who drafted their tokens. */
export async function checkAnywhere(
  options: AnywhereOptions,
): Promise<{ answerCount: number; sources: SourceSums }> {
  const target = await load('stories-target', atOnce, true);
  const serverDraft = await load('stories-draft', atOnce, false);
  const deviceDraft = await load('stories-draft', atOnce, false);
  const wanted = await wantedOf(target, options);
  const sources: SourceSums = { device: 0, model: 0, suffix: 0, target: 0 };
  let answerCount = 0;
  const drafters: DrafterChoice[] = [
    { kind: 'none' },
    { kind: 'suffix' },
    { kind: 'engine', engine: deviceDraft },
  ];
  const suffixBytesMax = 2 ** 20;
  const draftings: NonNullable<ServerOptions['drafting']>[] = [
    {},
    { suffixBytesMax },
    { engine: serverDraft },
    { engine: serverDraft, suffixBytesMax },
  ];
  try {
    for (const drafting of draftings) {
      const server = await startServer({ engine: target, port: 0, drafting });
      const ways: { drafter: DrafterChoice; mode: Mode }[] = [
        ...drafters.map((drafter) => ({ drafter, mode: 'auto' as const })),
        { drafter: drafters[0]!, mode: 'co-located' },
        { drafter: drafters[2]!, mode: 'stop-and-wait' },
      ];
      for (const way of ways) {
        await checkWay(server.address, target, way, wanted, sources);
        answerCount += wanted.length;
      }
      await server.close();
    }
  } finally {
    await Promise.all([target, serverDraft, deviceDraft].map((engine) => engine.close()));
  }
  return { answerCount, sources };
}

async function wantedOf(target: Engine, options: AnywhereOptions): Promise<Wanted[]> {
  const { promptCount, tokensMax, temperatures, seeds } = options;
  const wanted: Wanted[] = [];
  for (const [index, story] of storyPrompts.slice(0, promptCount).entries()) {
    // A text that repeats itself, for look-ups.
    const prompt = index % 2 === 0 ? story : `${story} ${story}`;
    const ids = target.info.vocabulary.tokenize(prompt, { addBos: true, parseSpecial: false });
    for (const temperature of temperatures) {
      for (const seed of temperature === 0 ? [0n] : seeds) {
        const text: number[] = [];
        const rounds = speculate(target, null, {
          ...{ prompt: ids, tokensMax, draftLength: 0, confidenceMin: 0, seed },
          scheme: temperature === 0 ? 'greedy' : 'coupled',
          sampling: { ...plainSampling, temperature },
        });
        for await (const { tokens } of rounds) text.push(...tokens);
        wanted.push({ ids, temperature, seed, text });
      }
    }
  }
  return wanted;
}

async function checkWay(
  url: string,
  { info: { vocabulary } }: Engine,
  { drafter, mode }: { readonly drafter: DrafterChoice; readonly mode: Mode },
  wanted: readonly Wanted[],
  sums: SourceSums,
): Promise<void> {
  const client = await connect({ url, drafter, vocabulary });
  const queue = wanted.entries();
  const write = async (): Promise<void> => {
    for (const [index, { ids, temperature, seed, text }] of queue) {
      const sampling = { ...plainSampling, temperature };
      const answer = client.generate({ ids, sampling, seed, mode, tokensMax: text.length });
      const { tokens, statistics } = await answer.result;
      const which = `${mode}, device ${drafter.kind}, answer ${index}`;
      assert.deepEqual(Array.from(tokens), text, which);
      for (const source of ['device', 'model', 'suffix', 'target'] as const) {
        sums[source] += statistics.sources[source];
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, write));
  await client.close();
}
