// Opens a model without an engine around it: the yardstick of the engine, and the models of virtual
// time.

import { checkModelFile } from '../src/engine/gguf/model-file.js';
import { planExit } from '../src/engine/llama/exit-plan.js';
import { openLlama } from '../src/engine/llama/ffi/llama.js';
import { openTensors } from '../src/engine/llama/ffi/tensors.js';
import type { LlamaOptions } from '../src/engine/llama/index.js';
import { findLibrary } from '../src/engine/llama/library.js';
import { NativeModel } from '../src/engine/llama/native-model.js';
import { NativeVocabulary } from '../src/engine/llama/native-vocabulary.js';
import { resolveOptions } from '../src/engine/llama/options.js';
import type { Vocabulary } from '../src/engine/vocabulary.js';

/** @param options of an engine; one ggml thread, whatever they say. */
export function openBare(
  options: LlamaOptions & Required<Pick<LlamaOptions, 'contextLength'>>,
): NativeModel {
  const { modelPath, contextLength, exit = null } = options;
  const files = findLibrary();
  const plan = exit && planExit(exit, checkModelFile(modelPath));
  const resolved = resolveOptions({ ...options, threads: 1 }, contextLength, plan);
  return new NativeModel(openLlama(files), resolved, plan && openTensors(files));
}

/** The vocabulary of a model that is open. */
export const vocabularyOf = ({ modelPointer }: NativeModel): Vocabulary =>
  new NativeVocabulary(openLlama(findLibrary()), modelPointer, () => false);
