// Local speculative decoding against target-only decoding, over draft lengths, on an inflated target: the bundled
// target with identity blocks, which writes the same text at the cost of a larger model. Greedy and coupled, so both
// sides write the same tokens; the answer is seconds for the same text.

import type { Engine } from '../engine/engine.js';
import { type LlamaOptions, loadLlamaEngine } from '../engine/llama/index.js';
import { type SpeculateRequest, speculate } from '../local/speculate.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import { mean } from '../math/statistics.js';
import { measurePaired, type PairedRatio } from './paired.js';
import { storyPrompts } from './prompts.js';

export interface SpeculationRow extends PairedRatio {
  readonly scheme: 'greedy' | 'coupled';
  readonly draftLength: number;
  readonly acceptanceRate: number;
  /** Tokens a target pass brings, the target's own included. */
  readonly tokensPerPass: number;
}

export interface SpeculationOptions {
  readonly targetPath: string;
  readonly draftPath: string;
  readonly draftLengths: readonly number[];
  /** Each turn writes a text of its own prompt. */
  readonly turns: number;
  readonly tokensMax: number;
}

const cases: readonly { scheme: 'greedy' | 'coupled'; sampling: Sampling }[] = [
  { scheme: 'greedy', sampling: { ...plainSampling, temperature: 0 } },
  { scheme: 'coupled', sampling: { ...plainSampling, temperature: 0.8, topK: 40 } },
];

export async function benchSpeculation(options: SpeculationOptions): Promise<SpeculationRow[]> {
  const load = (modelPath: string): Promise<Engine> => {
    const shared: LlamaOptions = { modelPath, contextLength: 512, threads: 1, probe: false };
    return loadLlamaEngine(shared);
  };
  const target = await load(options.targetPath);
  const draft = await load(options.draftPath);
  const rows: SpeculationRow[] = [];
  for (const { scheme, sampling } of cases) {
    for (const draftLength of options.draftLengths) {
      rows.push(await benchLength(target, draft, { scheme, sampling, draftLength }, options));
    }
  }
  await Promise.all([target.close(), draft.close()]);
  return rows;
}

interface Case {
  readonly scheme: 'greedy' | 'coupled';
  readonly sampling: Sampling;
  readonly draftLength: number;
}

async function benchLength(
  target: Engine,
  draft: Engine,
  { scheme, sampling, draftLength }: Case,
  { turns, tokensMax }: SpeculationOptions,
): Promise<SpeculationRow> {
  const tally = { tested: 0, accepted: 0, rounds: [] as number[] };
  // Each side walks the prompts by itself, so that both write the same text in one turn.
  const prompts = { baseline: 0, subject: 0 };
  const requestFor = (index: number, length: number): SpeculateRequest => ({
    prompt: target.info.vocabulary.tokenize(storyPrompts[index % storyPrompts.length]!, {
      addBos: true,
      parseSpecial: false,
    }),
    tokensMax,
    scheme,
    sampling,
    seed: BigInt(index),
    draftLength: length,
    confidenceMin: 0,
  });
  const ratio = await measurePaired({
    turns,
    baseline: async () => {
      for await (const _ of speculate(target, null, requestFor(prompts.baseline++, 0)));
    },
    subject: async () => {
      const request = requestFor(prompts.subject++, draftLength);
      for await (const round of speculate(target, draft, request)) {
        tally.accepted += round.acceptedCount;
        tally.tested += round.acceptedCount + (round.final === 'residual' ? 1 : 0);
        tally.rounds.push(round.tokens.length);
      }
    },
  });
  return {
    ...ratio,
    scheme,
    draftLength,
    acceptanceRate: tally.accepted / tally.tested,
    tokensPerPass: mean(tally.rounds),
  };
}
