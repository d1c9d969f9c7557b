// Times local speculative decoding against target-only decoding on an inflated target, over draft
// lengths. Greedy and coupled, so that both sides write the same tokens.

import { slotId } from '../../src/base/brand.js';
import type { Engine } from '../../src/engine/engine.js';
import { loadLlamaEngine } from '../../src/engine/llama/index.js';
import { type SpeculateRequest, speculate } from '../../src/engine/local/speculate.js';
import { AcceptanceTally } from '../../src/math/acceptance.js';
import { plainSampling } from '../../src/math/sampling.js';
import { mean } from '../../src/math/statistics.js';
import { storyPrompt } from '../bundled-texts.js';
import { inTurn, measurePaired, type OnRow } from '../paired.js';
import { type SchemeCase, schemeCases } from './cases.js';

interface SpeculationOptions {
  readonly targetPath: string;
  readonly draftPath: string;
  readonly draftLengths: readonly number[];
  /** Each turn writes a text of its own prompt. */
  readonly turns: number;
  readonly tokensMax: number;
}

/** @param onRow told each row as it is measured. */
export async function benchSpeculation(options: SpeculationOptions, onRow: OnRow) {
  const load = (modelPath: string): Promise<Engine> =>
    loadLlamaEngine({ modelPath, contextLength: 512, threads: 1, probe: false });
  const target = await load(options.targetPath);
  const draft = await load(options.draftPath);
  const rows = await inTurn(options.draftLengths, async (draftLength) => {
    /** A pass of draftLength + 1 rows in units of a pass of one row: what verification costs. */
    const passCost = await costOfRows(target, draftLength + 1);
    const benchCase = async (schemeCase: SchemeCase) => {
      const columns = await benchLength(target, draft, schemeCase, draftLength, options);
      return { ...columns, passCost, tokensOfCost: columns.tokensPerPass / passCost };
    };
    return inTurn(schemeCases, benchCase, onRow);
  });
  await Promise.all([target.close(), draft.close()]);
  return rows.flat();
}

/** Passes of `rowCount` tokens against passes of one, at the same place of the context. */
async function costOfRows(target: Engine, rowCount: number): Promise<number> {
  const slot = slotId(0);
  const from = 64;
  const filler = (count: number): Int32Array => new Int32Array(count).fill(5);
  await target.open(slot, { sampling: plainSampling, seed: 0n, promptLength: from });
  await target.pass([{ slot, from: 0, tokens: filler(from), judge: null }]);
  const judge = { scheme: 'greedy', draftCount: 0 } as const;
  const pass = async (count: number): Promise<void> => {
    await target.truncate(slot, from);
    await target.pass([{ slot, from, tokens: filler(count), judge }]);
  };
  const sides = { baseline: () => pass(rowCount), subject: () => pass(1) };
  return (await measurePaired({ ...sides, turns: 12 })).ratio.value;
}

async function benchLength(
  target: Engine,
  draft: Engine,
  { scheme, sampling }: SchemeCase,
  draftLength: number,
  { turns, tokensMax }: SpeculationOptions,
) {
  const tally = new AcceptanceTally();
  const roundTokens: number[] = [];
  // Each side walks the prompts by itself, so that both write the same text in one turn.
  const prompts = { baseline: 0, subject: 0 };
  const requestFor = (index: number, length: number): SpeculateRequest => ({
    ...{ prompt: storyPrompt(target.info.vocabulary, index), tokensMax, scheme, sampling },
    ...{ seed: BigInt(index), draftLength: length, confidenceMin: 0 },
  });
  const { ratio } = await measurePaired({
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
  const accepted = 100 * tally.acceptanceRate;
  // Tokens that a pass of the target brings, its own included.
  return { scheme, draftLength, ratio, accepted, tokensPerPass: mean(roundTokens) };
}
