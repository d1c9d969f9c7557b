// What drafting ahead asks of a device's draft model, as ratios inside one run: tokens with runners-up against tokens
// without, and one pass over several branches against a pass for each.

import { slotId } from '../../src/base/brand.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { openLlama } from '../../src/engine/llama/ffi.js';
import { type LlamaEngine, loadLlamaEngine } from '../../src/engine/llama/index.js';
import { findLibrary } from '../../src/engine/llama/library.js';
import { NativeModel } from '../../src/engine/llama/native-model.js';
import { resolveOptions } from '../../src/engine/llama/options.js';
import { plainSampling } from '../../src/math/sampling.js';
import { fillerText } from '../filler-text.js';
import { measurePaired, type PairedRatio } from '../paired.js';

/** Speed of drafting with runners-up in units of without. */
export interface RunnersUpRow extends PairedRatio {
  readonly scheme: 'greedy' | 'coupled';
  readonly runnersUpMax: number;
  /** Of a turn. */
  readonly tokenCount: number;
}

/** Speed of one pass over all branches in units of a pass for each. */
export interface BranchRow extends PairedRatio {
  readonly model: string;
  readonly branchCount: number;
}

const runnersUpMax = 3;
const promptLength = 48;
const branchCounts = [2, 4, 8];
const slotCount = 8;
const draftedPerTurn = 64;
const stepsPerTurn = 8;
const shape = { slotCount, contextLength: 128, threads: 1 };

/** @param turns >= 6. */
export async function benchRunnersUp(
  draftPath: string,
  turns: number,
  onRow: (row: RunnersUpRow) => void,
): Promise<RunnersUpRow[]> {
  const engine = await load(draftPath);
  const rows: RunnersUpRow[] = [];
  for (const scheme of ['greedy', 'coupled'] as const) {
    const draft = async (alternativesMax: number): Promise<void> => {
      await engine.truncate(slotId(0), promptLength - 1);
      await engine.draft({
        ...{ slot: slotId(0), from: promptLength - 1, tokens: fillerText(0, promptLength - 1, 1) },
        ...{ countMax: draftedPerTurn, stop: { confidenceMin: 0 }, scheme, attempt: 0 },
        ...{ wantConfidence: false, alternativesMax },
      }).done;
    };
    const baseline = () => draft(0);
    const ratio = await measurePaired({ turns, baseline, subject: () => draft(runnersUpMax) });
    rows.push({ ...ratio, scheme, runnersUpMax, tokenCount: draftedPerTurn });
    onRow(rows.at(-1)!);
  }
  await engine.close();
  return rows;
}

/**
 * Branches of one token each, behind prompts of the same length; what the model computes, without the thread around it.
 *
 * @param turns >= 6.
 */
export async function benchBranches(
  models: Readonly<Record<string, string>>,
  turns: number,
  onRow: (row: BranchRow) => void,
): Promise<BranchRow[]> {
  const rows: BranchRow[] = [];
  for (const [name, path] of Object.entries(models)) {
    const model = openModel(path);
    for (const branchCount of branchCounts) {
      const ratio = await measurePaired({
        turns,
        baseline: () => growBranches(model, branchCount, 1),
        subject: () => growBranches(model, branchCount, branchCount),
      });
      rows.push({ ...ratio, model: name, branchCount });
      onRow(rows.at(-1)!);
    }
    model.close();
  }
  return rows;
}

function openModel(modelPath: string): NativeModel {
  const { contextLength: most } = checkModelFile(modelPath);
  const options = resolveOptions({ modelPath, ...shape }, most, null);
  const model = new NativeModel(openLlama(findLibrary()), options, null);
  for (let slot = 0; slot < slotCount; slot++) {
    model.feed([{ slot, from: 0, tokens: fillerText(slot, 0, promptLength), rowCount: 0 }]);
  }
  return model;
}

/** Grows each branch by a token a step. @param together of them in one pass. */
function growBranches(model: NativeModel, count: number, together: number): void {
  for (let slot = 0; slot < count; slot++) model.truncate(slot, promptLength);
  for (let from = promptLength; from < promptLength + stepsPerTurn; from++) {
    for (let first = 0; first < count; first += together) {
      const slots = Array.from({ length: together }, (_, index) => first + index);
      model.feed(
        slots.map((slot) => ({ slot, from, tokens: fillerText(slot, from, 1), rowCount: 1 })),
      );
    }
  }
}

/** A draft engine whose slot 0 holds a prompt. */
async function load(modelPath: string): Promise<LlamaEngine> {
  const engine = await loadLlamaEngine({ modelPath, ...shape, probe: false });
  const { endOfText } = engine.info.vocabulary;
  const logitBias = new Map([...endOfText].map((token) => [token, -Infinity]));
  const sampling = { ...plainSampling, temperature: 0.8, topK: 40, logitBias };
  await engine.open(slotId(0), { sampling, seed: 1n, promptLength });
  const tokens = fillerText(0, 0, promptLength);
  await engine.pass([{ slot: slotId(0), from: 0, tokens, judge: null }]);
  return engine;
}
