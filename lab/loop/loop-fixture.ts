// What the parts of the loop benchmark share: a sampling whose texts have their full length, and recordings of a target
// and a draft model.

import { storyPrompts } from '../../src/cli/demo/openings.js';
import { type LlamaOptions, loadLlamaEngine } from '../../src/engine/llama/index.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import { type Recording, record } from './recording.js';

export interface LoopFixture {
  readonly vocabulary: Vocabulary;
  readonly sampling: Sampling;
  readonly recordings: readonly Recording[];
  /** The vocabulary is gone afterwards. */
  close(): Promise<void>;
}

/**
 * Records `count` texts of different prompts and seeds, coupled, at temperature 0.8 with top-k 40.
 *
 * @param runnersUpMax of each proposal, so many are recorded as well.
 */
export async function loopFixture(
  targetPath: string,
  draftPath: string,
  count: number,
  tokenCount: number,
  runnersUpMax = 0,
): Promise<LoopFixture> {
  const options = (modelPath: string): LlamaOptions => ({
    modelPath,
    contextLength: 512,
    threads: 1,
    probe: false,
    deterministic: true,
  });
  const target = await loadLlamaEngine(options(targetPath));
  const draft = await loadLlamaEngine(options(draftPath));
  const { vocabulary } = target.info;
  const logitBias = new Map([...vocabulary.endOfText].map((token) => [token, -Infinity]));
  const sampling = { ...plainSampling, temperature: 0.8, topK: 40, logitBias };
  const recordings: Recording[] = [];
  for (let index = 0; index < count; index++) {
    const text = storyPrompts[index % storyPrompts.length]!;
    const prompt = vocabulary.tokenize(text, { addBos: true, parseSpecial: false });
    const job = {
      prompt,
      seed: BigInt(index + 1),
      scheme: 'coupled',
      sampling,
      tokenCount,
      runnersUpMax,
    } as const;
    recordings.push(await record(target, draft, job));
  }
  const close = async (): Promise<void> => {
    await Promise.all([target.close(), draft.close()]);
  };
  return { vocabulary, sampling, recordings, close };
}
