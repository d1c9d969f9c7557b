// What one kind of pass costs in units of another: bare passes of a few rows, of one or of two model files, turn by turn.

import { openLlama } from '../../src/engine/llama/ffi.js';
import { findLibrary } from '../../src/engine/llama/library.js';
import { NativeModel } from '../../src/engine/llama/native-model.js';
import { resolveOptions } from '../../src/engine/llama/options.js';
import { measurePaired, type PairedRatio } from '../paired.js';

const contextLength = 512;
const promptLength = 64;
/** One side of one turn should take about this long, so that timer and scheduler noise average out. */
const sideMsAim = 60;

/** A model alone with its context, one thread. */
export function openBare(modelPath: string, slotCount: number): NativeModel {
  const options = { modelPath, slotCount, contextLength, threads: 1 };
  return new NativeModel(openLlama(findLibrary()), resolveOptions(options, contextLength));
}

/** Any tokens cost the same; these are nobody's text. */
const filler = (count: number, vocabSize: number): Int32Array =>
  Int32Array.from({ length: count }, (_, index) => 3 + ((index * 104729) % (vocabSize - 3)));

export interface PassKind {
  readonly path: string;
  /** Tokens of a pass, each with a row of logits, >= 1. */
  readonly rowCount: number;
}

/**
 * @param turns measured turns, >= 6.
 * @returns time of a pass of `baseline` over that of `subject`.
 */
export async function comparePasses(
  baseline: PassKind,
  subject: PassKind,
  turns: number,
): Promise<PairedRatio> {
  const sides = [baseline, subject].map(({ path, rowCount }) => {
    const model = openBare(path, 1);
    const tokens = filler(promptLength, model.vocabSize);
    model.feed([{ slot: 0, from: 0, tokens, rowCount: 0 }]);
    return { model, rowCount };
  });
  const passes = passesFor(sides[0]!.model, baseline.rowCount);
  const [first, second] = sides.map(({ model, rowCount }) => () => {
    for (let pass = 0; pass < passes; pass++) passOnce(model, rowCount);
  });
  const ratio = await measurePaired({ baseline: first!, subject: second!, turns });
  for (const { model } of sides) model.close();
  return ratio;
}

/** One verification pass behind the prompt, rolled back. */
function passOnce(model: NativeModel, rowCount: number): void {
  const tokens = filler(rowCount, model.vocabSize);
  model.feed([{ slot: 0, from: promptLength, tokens, rowCount }]);
  model.truncate(0, promptLength);
}

function passesFor(model: NativeModel, rowCount: number): number {
  passOnce(model, rowCount);
  const started = performance.now();
  passOnce(model, rowCount);
  return Math.max(1, Math.round(sideMsAim / (performance.now() - started)));
}
