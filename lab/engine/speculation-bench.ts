// Local speculative decoding against target-only decoding, over draft lengths, on an inflated target: the bundled
// target with identity blocks, which writes the same text at the cost of a larger model. Greedy and coupled, so both
// sides write the same tokens; the answer is seconds for the same text.

import { slotId } from '../../src/base/brand.js';
import { storyPrompts } from '../../src/cli/demo/openings.js';
import type { Engine } from '../../src/engine/engine.js';
import { type LlamaOptions, loadLlamaEngine } from '../../src/engine/llama/index.js';
import { type SpeculateRequest, speculate } from '../../src/engine/local/speculate.js';
import { AcceptanceTally } from '../../src/math/acceptance.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import { mean } from '../../src/math/statistics.js';
import { measurePaired, type PairedRatio } from '../paired.js';

export interface SpeculationRow extends PairedRatio {
  readonly scheme: 'greedy' | 'coupled';
  readonly draftLength: number;
  readonly acceptanceRate: number;
  /** Tokens a target pass brings, the target's own included. */
  readonly tokensPerPass: number;
  /** A pass of draftLength + 1 rows in units of a pass of one row: what verification costs. */
  readonly passCost: number;
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

/** @param onRow told each row as it is measured. */
export async function benchSpeculation(
  options: SpeculationOptions,
  onRow: (row: SpeculationRow) => void,
): Promise<SpeculationRow[]> {
  const load = (modelPath: string): Promise<Engine> => {
    const shared: LlamaOptions = { modelPath, contextLength: 512, threads: 1, probe: false };
    return loadLlamaEngine(shared);
  };
  const target = await load(options.targetPath);
  const draft = await load(options.draftPath);
  const rows: SpeculationRow[] = [];
  for (const draftLength of options.draftLengths) {
    const passCost = await costOfRows(target, draftLength + 1);
    for (const { scheme, sampling } of cases) {
      const measured = await benchLength(target, draft, { scheme, sampling, draftLength }, options);
      rows.push({ ...measured, passCost });
      onRow(rows.at(-1)!);
    }
  }
  await Promise.all([target.close(), draft.close()]);
  return rows;
}

/** Passes of `rowCount` tokens against passes of one, turn by turn, at the same place of the context. */
async function costOfRows(target: Engine, rowCount: number): Promise<number> {
  const slot = slotId(0);
  const from = 64;
  await target.open(slot, { sampling: plainSampling, seed: 0n, promptLength: from });
  await target.pass([{ slot, from: 0, tokens: new Int32Array(from).fill(5), judge: null }]);
  const pass = async (count: number): Promise<void> => {
    await target.truncate(slot, from);
    await target.pass([
      {
        slot,
        from,
        tokens: new Int32Array(count).fill(5),
        judge: { scheme: 'greedy', draftCount: 0 },
      },
    ]);
  };
  const { median } = await measurePaired({
    baseline: () => pass(rowCount),
    subject: () => pass(1),
    turns: 12,
  });
  return median;
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
): Promise<Omit<SpeculationRow, 'passCost'>> {
  const tally = new AcceptanceTally();
  const roundTokens: number[] = [];
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
        tally.addRound(round.drafted.length, round.acceptedCount);
        roundTokens.push(round.tokens.length);
      }
    },
  });
  return {
    ...ratio,
    scheme,
    draftLength,
    acceptanceRate: tally.acceptanceRate,
    tokensPerPass: mean(roundTokens),
  };
}
