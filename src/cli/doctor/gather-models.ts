// Gathers the state of the bundled models and exit heads: present, complete, and with the published
// checksum. Reads every byte of them for that.

import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import { checkExitFile } from '../../engine/gguf/exit-file.js';
import { checkModelFile } from '../../engine/gguf/model-file.js';
import type { BundledModel } from '../../engine/llama/bundled.js';

export interface ModelCheck {
  readonly file: string;
  readonly bytes: number | null;
  /** Null where the file is missing, or no checksum is known. */
  readonly intact: boolean | null;
  /** Why it cannot be used, or null. */
  readonly problem: string | null;
  /** Position of a trained exit head in its target; null for a model. */
  readonly exit: { readonly layer: number; readonly targetBlockCount: number } | null;
}

export async function gatherModel(
  { file, path, sha256 }: BundledModel,
  isHead: boolean,
): Promise<ModelCheck> {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? null;
  if (bytes === null) return { file, bytes, intact: null, problem: null, exit: null };
  const intact = sha256 === null ? null : (await digest(path)) === sha256;
  try {
    return { file, bytes, intact, problem: null, exit: checked(path, isHead) };
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    return { file, bytes, intact, problem: reason.message, exit: null };
  }
}

function checked(path: string, isHead: boolean): ModelCheck['exit'] {
  if (isHead) {
    const { layer, targetBlockCount } = checkExitFile(path);
    return { layer, targetBlockCount };
  }
  checkModelFile(path);
  return null;
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
