// Which early exit an engine has: a head file, or the logit lens at a layer. Reads headers only.

import { PilotfishError } from '../../base/error.js';
import type { ExitInfo } from '../engine.js';
import { checkExitFile, checkExitFits } from '../gguf/exit-file.js';
import { exitOutputOf } from '../gguf/exit-model.js';
import { type GgufTensor, tensorBytes } from '../gguf/format.js';
import type { ModelFacts } from '../gguf/model-file.js';
import { readGguf } from '../gguf/reader.js';

/** A trained head by its file, or the untrained exit behind so many blocks. */
export type ExitChoice = { readonly headPath: string } | { readonly layer: number };

/** A checked choice; survives structured cloning and JSON. */
export interface ExitPlan {
  readonly headPath: string | null;
  readonly info: ExitInfo;
  /** What it loads beside the target: the head, and a copy of the target's output matrix. */
  readonly weightBytes: number;
}

/**
 * Of the logit lens: doubtful, because on the bundled target it names the model's token in a third
 * of the rows.
 */
const lensDoubt = { sharpness: 0.5, coverage: 0.5 } as const;

/**
 * Checks that the exit can be had for the target.
 *
 * @param target of a model file that `checkModelFile` has accepted.
 * @throws PilotfishError those of `checkExitFile` and `exitOutputOf`; `exit-head-mismatch` for a
 *   head of another target; `usage` for a layer that the target does not have.
 */
export function planExit(choice: ExitChoice, target: ModelFacts): ExitPlan {
  const header = readGguf(target.path);
  const { norm, output } = exitOutputOf(header, target);
  const endBytes = bytesOf([norm, output]);
  const layerCount = target.blockCount;
  if ('headPath' in choice) {
    const head = checkExitFile(choice.headPath);
    checkExitFits(head, target, header);
    const { layer, sharpness, coverage } = head;
    return {
      headPath: choice.headPath,
      info: { layer, layerCount, trained: true, sharpness, coverage },
      weightBytes: endBytes + bytesOf(head.header.tensors),
    };
  }
  const { layer } = choice;
  if (!Number.isInteger(layer) || layer < 1 || layer >= layerCount) {
    throw new PilotfishError('usage', `exit layer ${layer} is outside [1, ${layerCount - 1}]`);
  }
  const info = { layer, layerCount, trained: false, ...lensDoubt };
  return { headPath: null, info, weightBytes: endBytes };
}

const bytesOf = (tensors: readonly GgufTensor[]): number =>
  tensors.reduce((sum, { type, dims }) => sum + tensorBytes(type, dims), 0);
