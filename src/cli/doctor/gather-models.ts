// Gathers the state of the bundled models: there, whole, and with the published checksum.
// Reads every byte of them, which is what a checksum takes.

import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import { checkModelFile } from '../../engine/gguf/model-file.js';
import type { BundledModel } from '../models/bundled.js';
import type { ModelFacts } from './facts.js';

export async function gatherModel({ file, path, sha256 }: BundledModel): Promise<ModelFacts> {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? null;
  if (bytes === null) return { file, bytes, intact: null, problem: null };
  const intact = sha256 === null ? null : (await digest(path)) === sha256;
  return { file, bytes, intact, problem: headerProblem(path) };
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

function headerProblem(path: string): string | null {
  try {
    checkModelFile(path);
    return null;
  } catch (reason) {
    if (reason instanceof PilotfishError) return reason.message;
    throw reason;
  }
}
