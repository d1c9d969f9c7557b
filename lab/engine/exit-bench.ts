// Times passes with hints against the same passes without an exit, and where in the pass hints
// come. Drafts fall at once, so that the exit's share of a pass is the largest it can be.

import { slotId } from '../../src/base/brand.js';
import type { Segment } from '../../src/engine/engine.js';
import type { ExitChoice, LlamaEngine } from '../../src/engine/llama/index.js';
import { plainSampling } from '../../src/math/sampling.js';
import { median } from '../../src/math/statistics.js';
import { fillerText } from '../bundled-texts.js';
import { inTurn, inverse, measurePaired, type OnRow } from '../paired.js';
import type { BenchModels } from '../weights/bench-models.js';
import { loadPrompted, passShapes, type Shape } from './cases.js';

interface ExitCase {
  readonly model: string;
  readonly modelPath: string;
  readonly exit: string;
  readonly choice: ExitChoice;
}

const slotCount = 4;
/** Larger batches take minutes on a CPU and say nothing new. */
const shapes = passShapes.filter(({ lengths }) => lengths.length <= slotCount);
const promptLength = 32;
const passesPerSide = 2;

/** The middle exit on both inflated targets, and the untrained one, the cheapest. */
function casesOf(models: BenchModels): ExitCase[] {
  const small = { model: 'vocabulary 4 096', modelPath: models.inflatedTarget() };
  const large = { model: 'vocabulary 32 000', modelPath: models.wideVocabulary() };
  const head = (modelPath: string) => ({ headPath: models.inflatedExit(4, modelPath) });
  return [
    { ...small, exit: 'trained, 8 of 16', choice: head(small.modelPath) },
    { ...small, exit: 'untrained, 8 of 16', choice: { layer: 8 } },
    { ...large, exit: 'trained, 8 of 16', choice: head(large.modelPath) },
  ];
}

/** @param onRow told each row as it is measured. */
export async function benchExits(models: BenchModels, turns: number, onRow: OnRow) {
  const benchCase = async ({ model, modelPath, exit, choice }: ExitCase) => {
    const bare = await load(modelPath, null);
    const tapped = await load(modelPath, choice);
    const asks = shapes.flatMap((shape) =>
      (shape.name === '4 x 5' ? [true, false] : [true]).map((asked) => ({ shape, asked })),
    );
    const benchAsk = async ({ shape, asked }: (typeof asks)[number]) => ({
      ...{ model, exit, ...(await benchShape(bare, tapped, shape, asked, turns)) },
    });
    const rows = await inTurn(asks, benchAsk, onRow);
    await bare.close();
    await tapped.close();
    return rows;
  };
  return (await inTurn(casesOf(models), benchCase)).flat();
}

const load = (modelPath: string, exit: ExitChoice | null): Promise<LlamaEngine> => {
  const shape = { slotCount, contextLength: 128, passTokensMax: 128, passRowsMax: 128 };
  const sampling = { ...plainSampling, topK: 40 };
  return loadPrompted({ modelPath, ...shape, exit }, promptLength, () => sampling);
};

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
  const verify = async (engine: LlamaEngine, wantsHints: boolean): Promise<void> => {
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
  const { ratio, baselineMs } = await measurePaired({
    turns,
    baseline: () => verify(bare, false),
    subject: () => verify(tapped, asked),
  });
  return {
    ...{ batch: shape.name, hints: asked ? 'asked' : 'not asked', time: inverse(ratio) },
    /** Percent of the pass that is over when the hints reach the caller's thread. */
    hintAt: asked ? 100 * median(hintTimes) : null,
    withoutMs: baselineMs,
  };
}
