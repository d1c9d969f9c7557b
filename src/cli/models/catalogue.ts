// Lists the models of this machine: bundled, in the Hugging Face cache, and in llama.cpp's. Checks
// every header. Never uses the network, never loads a model.

import { readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, toPilotfishError } from '../../base/error.js';
import { checkExitFile, type ExitFacts, isExitFile } from '../../engine/gguf/exit-file.js';
import { checkModelFile, type ModelFacts } from '../../engine/gguf/model-file.js';
import { listBundled, listBundledHeads } from '../../engine/llama/bundled.js';
import { cachedCommit, listCached } from '../hub/cache.js';
import { formatReference, isGguf } from '../hub/reference.js';
import type { HubSettings } from '../hub/settings.js';
import type { Environment } from '../screen/terminal.js';

export interface CatalogueEntry {
  /** The name for --model or --exit-head. */
  readonly name: string;
  readonly source: 'bundled' | 'hub' | 'llama.cpp';
  readonly path: string;
  /** Null where the file is missing. */
  readonly bytes: number | null;
  /** Facts of the header; null for an exit head, and for an unusable file. */
  readonly facts: ModelFacts | null;
  /** Of a trained exit head; else null. */
  readonly head: HeadFacts | null;
  /** Why it cannot be used, or null. */
  readonly problem: { readonly code: ErrorCode; readonly message: string } | null;
}

/** The facts of a head for users: its position in the target. */
export type HeadFacts = Pick<ExitFacts, 'layer' | 'targetBlockCount' | 'name'>;

/** All models and exit heads, bundled ones first, then by name. */
export async function listModels(
  settings: HubSettings,
  env: Environment,
): Promise<CatalogueEntry[]> {
  const bundled = [...listBundled(), ...listBundledHeads()].map(({ name, path }) =>
    describe(name, 'bundled', path),
  );
  const hub = await listHub(settings);
  const foreign = listForeign(env).map((path) => describe(path, 'llama.cpp', path));
  return [...bundled, ...hub, ...foreign];
}

async function listHub({ cacheDir }: HubSettings): Promise<CatalogueEntry[]> {
  const files = await listCached(cacheDir);
  const entries = files.map(async ({ repo, commit, file, path }) => {
    const current = (await cachedCommit(cacheDir, repo, 'main')) === commit;
    const revision = current ? 'main' : commit;
    return describe(formatReference({ repo, file, quant: null, revision }), 'hub', path);
  });
  return Promise.all(entries);
}

/** llama.cpp keeps its downloads in one flat folder, which is only read here. */
function listForeign(env: Environment): string[] {
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const folder = env['LLAMA_CACHE'] || join(cache, 'llama.cpp');
  try {
    return readdirSync(folder)
      .filter(isGguf)
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function describe(name: string, source: CatalogueEntry['source'], path: string): CatalogueEntry {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? null;
  const entry = { name, source, path, bytes, facts: null, head: null, problem: null };
  try {
    if (!isExitFile(path)) return { ...entry, facts: checkModelFile(path) };
    const { layer, targetBlockCount, name: title } = checkExitFile(path);
    return { ...entry, head: { layer, targetBlockCount, name: title } };
  } catch (reason) {
    const { code, message } = toPilotfishError(reason, 'model-malformed');
    return { ...entry, problem: { code, message: bare(message, path) } };
  }
}

/** The message without the path, which is shown beside it. */
const bare = (message: string, path: string): string =>
  message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message;
