// What an early exit costs: passes with hints against the same passes on an engine without an exit, turn by turn, and
// where in the pass the hints come. Drafts are filler that falls at once, so that judging is little and the exit's share of
// a pass the largest it can be.

import { slotId } from '../../src/base/brand.js';
import type { Segment } from '../../src/engine/engine.js';
import {
  type ExitChoice,
  type LlamaEngine,
  loadLlamaEngine,
} from '../../src/engine/llama/index.js';
import { plainSampling } from '../../src/math/sampling.js';
import { median } from '../../src/math/statistics.js';
import { fillerText } from '../filler-text.js';
import { measurePaired, type PairedRatio } from '../paired.js';
import { passShapes, type Shape } from './shapes.js';

export interface ExitCostRow extends PairedRatio {
  readonly model: string;
  readonly exit: string;
  readonly shape: string;
  /** Whether the caller asked for hints, or only could have. */
  readonly asked: boolean;
  /** Share of the pass that is over when the hints reach the caller's thread, in [0, 1]; null where not asked. */
  readonly hintAt: number | null;
}

export interface ExitCase {
  readonly model: string;
  readonly modelPath: string;
  readonly exit: string;
  readonly choice: ExitChoice;
}

const slotCount = 4;
/** Larger batches take minutes on a CPU and say nothing new: exit and model both cost by the row. */
const shapes = passShapes.filter(({ lengths }) => lengths.length <= slotCount);
const promptLength = 32;
const passesPerSide = 2;

/** @param onRow told each row as it is measured. */
export async function benchExits(
  cases: readonly ExitCase[],
  turns: number,
  onRow: (row: ExitCostRow) => void,
): Promise<ExitCostRow[]> {
  const rows: ExitCostRow[] = [];
  for (const { model, modelPath, exit, choice } of cases) {
    const bare = await load(modelPath, null);
    const tapped = await load(modelPath, choice);
    for (const shape of shapes) {
      for (const asked of shape.name === '4 x 5' ? [true, false] : [true]) {
        const row = { model, exit, ...(await benchShape(bare, tapped, shape, asked, turns)) };
        rows.push(row);
        onRow(row);
      }
    }
    await bare.close();
    await tapped.close();
  }
  return rows;
}

async function load(modelPath: string, exit: ExitChoice | null): Promise<LlamaEngine> {
  const shape = { slotCount, contextLength: 128, passTokensMax: 128, passRowsMax: 128 };
  const engine = await loadLlamaEngine({ modelPath, ...shape, threads: 1, probe: false, exit });
  for (let slot = 0; slot < slotCount; slot++) {
    const config = { sampling: { ...plainSampling, topK: 40 }, seed: BigInt(slot), promptLength };
    await engine.open(slotId(slot), config);
    const tokens = fillerText(slot, 0, promptLength);
    await engine.pass([{ slot: slotId(slot), from: 0, tokens, judge: null }]);
  }
  return engine;
}

async function benchShape(
  bare: LlamaEngine,
  tapped: LlamaEngine,
  shape: Shape,
  asked: boolean,
  turns: number,
) {
  const hintTimes: number[] = [];
  const segments = shape.lengths.map(
    (count, slot): Segment => ({
      slot: slotId(slot),
      from: promptLength,
      tokens: fillerText(slot, promptLength, count),
      judge: { scheme: 'coupled', draftCount: count - 1 },
    }),
  );
  const play = async (engine: LlamaEngine, wantsHints: boolean): Promise<void> => {
    for (let pass = 0; pass < passesPerSide; pass++) {
      for (const slot of shape.lengths.keys()) await engine.truncate(slotId(slot), promptLength);
      const started = performance.now();
      let hinted = started;
      const onHints = (): void => {
        hinted = performance.now();
      };
      await engine.pass(segments, wantsHints ? onHints : undefined);
      if (wantsHints) hintTimes.push((hinted - started) / (performance.now() - started));
    }
  };
  const ratio = await measurePaired({
    turns,
    baseline: () => play(bare, false),
    subject: () => play(tapped, asked),
  });
  return { ...ratio, shape: shape.name, asked, hintAt: asked ? median(hintTimes) : null };
}
