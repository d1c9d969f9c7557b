// Times what drafting ahead asks of a device's draft model, as ratios inside one run: tokens with
// runners-up against tokens without, and one pass over several branches against a pass for each.

import { slotId } from '../../src/base/brand.js';
import type { NativeModel } from '../../src/engine/llama/native-model.js';
import { openBare } from '../bare-model.js';
import { endlessSampling, fillerText } from '../bundled-texts.js';
import { inTurn, inverse, measurePaired, type OnRow } from '../paired.js';
import { loadPrompted } from './cases.js';

const runnersUpMax = 3;
const promptLength = 48;
const branchCounts = [2, 4, 8];
const contextLength = 128;
const tokenCount = 64;
const stepsPerTurn = 8;

/** @param turns >= 6. */
export async function benchRunnersUp(modelPath: string, turns: number, onRow: OnRow) {
  const options = { modelPath, slotCount: 1, contextLength };
  const engine = await loadPrompted(options, promptLength, endlessSampling);
  const benchScheme = async (scheme: 'greedy' | 'coupled') => {
    const draft = async (alternativesMax: number): Promise<void> => {
      await engine.truncate(slotId(0), promptLength - 1);
      await engine.draft({
        ...{ slot: slotId(0), from: promptLength - 1, tokens: fillerText(0, promptLength - 1, 1) },
        ...{ countMax: tokenCount, stop: { confidenceMin: 0 }, scheme, attempt: 0 },
        ...{ wantConfidence: false, alternativesMax },
      }).done;
    };
    const baseline = () => draft(0);
    const subject = () => draft(runnersUpMax);
    const { ratio, baselineMs, subjectMs } = await measurePaired({ turns, baseline, subject });
    return {
      ...{ scheme, runnersUp: runnersUpMax, time: inverse(ratio) },
      moreMicros: (1000 * (subjectMs - baselineMs)) / tokenCount,
      withoutMs: baselineMs / tokenCount,
    };
  };
  const rows = await inTurn(['greedy', 'coupled'], benchScheme, onRow);
  await engine.close();
  return rows;
}

/** Branches of one token behind prompts of one length, without an engine. @param turns >= 6. */
export async function benchBranches(
  models: Readonly<Record<string, string>>,
  turns: number,
  onRow: OnRow,
) {
  const benchModel = async (name: string) => {
    const slotCount = Math.max(...branchCounts);
    const model = openBare({ modelPath: models[name]!, slotCount, contextLength });
    for (let slot = 0; slot < slotCount; slot++)
      model.feed([{ slot, from: 0, tokens: fillerText(slot, 0, promptLength), rowCount: 0 }]);
    const benchCount = async (branchCount: number) => {
      const baseline = () => growBranches(model, branchCount, 1);
      const subject = () => growBranches(model, branchCount, branchCount);
      const { ratio, baselineMs } = await measurePaired({ turns, baseline, subject });
      const time = inverse(ratio);
      return { model: name, branches: branchCount, time, passesMs: baselineMs };
    };
    const rows = await inTurn(branchCounts, benchCount, onRow);
    model.close();
    return rows;
  };
  return (await inTurn(Object.keys(models), benchModel)).flat();
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
