// Finds the file of a model name: a path, a bundled name, or hf:user/repo/file.gguf. Never
// downloads; names the command that would.

import { statSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import { checkBundled, findBundled, listBundled, namesOf } from '../../engine/llama/bundled.js';
import { formatReference, isHubReference, parseReference } from '../hub/reference.js';
import type { Environment } from '../screen/terminal.js';

/**
 * Path of the model file that `name` means. An existing path wins over a bundled name.
 * @throws PilotfishError `model-not-found` with a remedy; `usage` for a malformed hf: name;
 *   `checksum-mismatch` for a bundled file that differs from the published one.
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

/** As `resolveModel` for the model that `--draft` names. */
export async function resolveDraft(name: string, env: Environment): Promise<string> {
  try {
    return await resolveModel(name, env);
  } catch (reason) {
    if (!(reason instanceof PilotfishError && reason.code === 'model-not-found')) throw reason;
    throw new PilotfishError(
      reason.code,
      `--draft: ${reason.message}; suffix and none need no file`,
    );
  }
}

/** An unreadable path counts as a path: the check of the file gives the reason. */
function isPath(name: string): boolean {
  try {
    return statSync(name, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** The hub's library is loaded for names of the hub alone: it takes a while. */
async function resolveReference(name: string, env: Environment): Promise<string> {
  const { findCached } = await import('../hub/cache.js');
  const { hubSettings } = await import('../hub/settings.js');
  const reference = parseReference(name);
  const { cacheDir } = hubSettings(env);
  const cached = await findCached(cacheDir, reference);
  if (cached !== null) return cached.path;
  const command = `pilotfish models pull ${formatReference(reference)}`;
  throw new PilotfishError('model-not-found', `${name} is not in ${cacheDir}; run \`${command}\``);
}
