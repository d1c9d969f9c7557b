// From what a user calls a model to the path of its file: a path, a bundled name, or hf:user/repo/file.gguf.
// Never downloads; says which command would.

import { statSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import { checkBundled, findBundled, listBundled, namesOf } from '../../engine/llama/bundled.js';
import { findCached } from '../hub/cache.js';
import { formatReference, isHubReference, parseReference } from '../hub/reference.js';
import { hubSettings } from '../hub/settings.js';
import type { Environment } from '../screen/terminal.js';

/**
 * Path of the model file that `name` means. A file of that path wins over a bundled name. Throws
 * `model-not-found` with what to do, also for a bundled model that the package leaves out, `usage`
 * for a malformed hf: name, or `checksum-mismatch` for a file of the package that is not the one
 * that was published; any other file is not checked.
 */
export async function resolveModel(name: string, env: Environment): Promise<string> {
  if (isHubReference(name)) return resolveReference(name, env);
  const path = isPath(name) ? name : findBundled(name)?.path;
  if (path !== undefined) {
    checkBundled(path);
    return path;
  }
  const hint = /^[^/.]+\/[^/]+\/.+\.gguf$/i.test(name)
    ? `; if it is on the hub, its name is hf:${name}`
    : `; bundled models are ${namesOf(listBundled())}`;
  throw new PilotfishError('model-not-found', `there is no file '${name}'${hint}`);
}

/** A path that cannot be looked at counts as one: the check of the file says why it cannot. */
function isPath(name: string): boolean {
  try {
    return statSync(name, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

async function resolveReference(name: string, env: Environment): Promise<string> {
  const reference = parseReference(name);
  const { cacheDir } = hubSettings(env);
  const cached = await findCached(cacheDir, reference);
  if (cached !== null) return cached.path;
  const command = `pilotfish models pull ${formatReference(reference)}`;
  throw new PilotfishError('model-not-found', `${name} is not in ${cacheDir}; run \`${command}\``);
}
