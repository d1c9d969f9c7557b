// Gathers the state of the bundled models and exit heads: present, complete, and with the published
// checksum. Reads every byte of them for that.

import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import { checkExitFile } from '../../engine/gguf/exit-file.js';
import { checkModelFile } from '../../engine/gguf/model-file.js';
import type { BundledModel } from '../../engine/llama/bundled.js';
import type { ModelCheck } from './facts.js';

export async function gatherModel({ file, path, sha256 }: BundledModel): Promise<ModelCheck> {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? null;
  if (bytes === null) return { file, bytes, intact: null, problem: null, exit: null };
  const intact = sha256 === null ? null : (await digest(path)) === sha256;
  return { file, bytes, intact, problem: problemOf(() => checkModelFile(path)), exit: null };
}

export async function gatherHead(head: BundledModel): Promise<ModelCheck> {
  const facts = await gatherModel(head);
  if (facts.bytes === null) return facts;
  let exit: ModelCheck['exit'] = null;
  const problem = problemOf(() => {
    const { layer, targetBlockCount } = checkExitFile(head.path);
    exit = { layer, targetBlockCount };
  });
  return { ...facts, exit, problem };
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

function problemOf(check: () => unknown): string | null {
  try {
    check();
    return null;
  } catch (reason) {
    if (reason instanceof PilotfishError) return reason.message;
    throw reason;
  }
}
