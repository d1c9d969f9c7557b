// The speed of one model file against another of the same shape: bare passes of a few rows, turn by turn.

import { openLlama } from '../engine/llama/ffi.js';
import { findLibrary } from '../engine/llama/index.js';
import { NativeModel } from '../engine/llama/native-model.js';
import { resolveOptions } from '../engine/llama/options.js';
import { measurePaired, type PairedRatio } from './paired.js';

const contextLength = 512;
const promptLength = 64;
/** One side of one turn should take about this long, so that timer and scheduler noise average out. */
const sideMsAim = 60;

/** A model alone with its context, one thread, one slot. */
export function openBare(modelPath: string): NativeModel {
  const options = { modelPath, contextLength, threads: 1 };
  return new NativeModel(openLlama(findLibrary()), resolveOptions(options, contextLength));
}

/** Any tokens cost the same; these are nobody's text. */
const filler = (count: number, vocabSize: number): Int32Array =>
  Int32Array.from({ length: count }, (_, index) => 3 + ((index * 104729) % (vocabSize - 3)));

/**
 * @param rowCount tokens of a pass, each with a row of logits, >= 1.
 * @param turns measured turns, >= 6.
 * @returns time of a pass of `yardstick` over that of `other`: above 1, the other is faster.
 */
export async function speedOf(
  yardstick: string,
  other: string,
  rowCount: number,
  turns: number,
): Promise<PairedRatio> {
  const models = [yardstick, other].map(openBare);
  for (const model of models) {
    const tokens = filler(promptLength, model.vocabSize);
    model.feed([{ slot: 0, from: 0, tokens, rowCount: 0 }]);
  }
  const passes = passesFor(models[0]!, rowCount);
  const [baseline, subject] = models.map((model) => () => {
    for (let pass = 0; pass < passes; pass++) passOnce(model, rowCount);
  });
  const ratio = await measurePaired({ baseline: baseline!, subject: subject!, turns });
  for (const model of models) model.close();
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
