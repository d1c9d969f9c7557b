// Defines the flags of `serve` for pictures in prompts, and starts the image encoder they name.

import type { Option } from 'commander';
import { PilotfishError } from '../../base/error.js';
import { coresHere } from '../../engine/llama/cores.js';
import { ImageEncoder } from '../../engine/llama/eyes/image-encoder.js';
import { checkPictureDecoder } from '../../pictures/decode-picture.js';
import { resolveModel } from '../models/model-name.js';
import type { Environment } from '../screen/terminal.js';
import { flag, usageError, wholeNumber } from './flags.js';

/** The values of the flags. */
export interface EyesOptions {
  /** Absent: prompts with pictures are refused. */
  readonly mmproj?: string;
  readonly threadsMmproj?: number;
}

export function eyesFlags(): Option[] {
  return [
    flag(
      '-mm, --mmproj <name>',
      'image encoder that was made with the target (mmproj): a path, or hf:user/repo/file.gguf; prompts may then hold pictures',
    ),
    flag(
      '--threads-mmproj <n>',
      'threads of the image encoder (default: half of the cores)',
      wholeNumber(1, 512),
    ),
  ];
}

/**
 * Starts the image encoder in a process of its own.
 *
 * @param modelPath of the target.
 * @returns null: none is asked for.
 * @throws PilotfishError as `ImageEncoder.start`; `model-not-found`, `picture-decoder-missing`,
 *   `usage`.
 */
export async function startEyes(
  { mmproj, threadsMmproj }: EyesOptions,
  modelPath: string,
  env: Environment,
): Promise<ImageEncoder | null> {
  if (mmproj === undefined) {
    if (threadsMmproj === undefined) return null;
    throw usageError('--threads-mmproj needs an image encoder: --mmproj');
  }
  const encoderPath = await resolved(mmproj, env);
  checkPictureDecoder();
  const threads = threadsMmproj ?? Math.max(1, Math.floor(coresHere().usable / 2));
  return ImageEncoder.start({ modelPath, encoderPath, threads });
}

async function resolved(name: string, env: Environment): Promise<string> {
  try {
    return await resolveModel(name, env);
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    throw new PilotfishError(reason.code, `--mmproj: ${reason.message}`);
  }
}
