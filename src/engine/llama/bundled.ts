// Names the models that come with Pilotfish, with their files and published checksums, from
// models/manifest.json. Loads none, but reads one to see that it is the one that was published.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../base/error.js';

/** Folder of the bundled models; this file compiles to dist/src/engine/llama/. */
export const bundledFolder = fileURLToPath(new URL('../../../../models', import.meta.url));

export interface BundledModel {
  /**
   * What --model or --exit-head takes: of a model the file name without `-q8_0.gguf` or `.gguf`;
   * eight bits are the ones to use by default.
   */
  readonly name: string;
  readonly file: string;
  readonly path: string;
  /** Published SHA-256, or null for a file that the manifest does not name. */
  readonly sha256: string | null;
  /** It is not here and need not be: only a clone of the repository has it. */
  readonly isLeftOut: boolean;
}

interface Manifest {
  readonly files: readonly {
    readonly file: string;
    readonly role: string;
    readonly sha256: string;
    /** False: the package leaves it out. */
    readonly packed?: boolean;
  }[];
}

/**
 * Path of a model that comes with Pilotfish, for `LlamaOptions.modelPath`. The package holds a
 * small pair with one vocabulary, a target of 9 million weights and a draft of 0.8 million, both
 * quantised to 8 bits; a clone of the repository holds more (models/README.md).
 *
 * @param name `stories-target` or `stories-draft`.
 * @throws PilotfishError `model-not-found`, with the names that there are; `checksum-mismatch` for
 *   a file that is not the one that was published.
 *
 * @example
 * ```ts
 * import { bundledModel, loadLlamaEngine } from 'pilotfish';
 *
 * const engine = await loadLlamaEngine({ modelPath: bundledModel('stories-draft') });
 * engine.info.contextLength; // = 512
 * await engine.close();
 * ```
 */
export function bundledModel(name: string): string {
  const model = findBundled(name);
  if (model === null) {
    throw new PilotfishError(
      'model-not-found',
      `there is no bundled model '${name}', only ${namesOf(listBundled())}`,
    );
  }
  checkBundled(model.path);
  return model.path;
}

/**
 * The bundled models by name: those that lie here, and those that the manifest says should; no exit
 * heads.
 */
export const listBundled = (folder: string = bundledFolder): BundledModel[] =>
  modelsOf(folder).filter(({ isLeftOut }) => !isLeftOut);

/** The same of exit heads; --exit-head takes their names. */
export const listBundledHeads = (folder: string = bundledFolder): BundledModel[] =>
  headsOf(folder).filter(({ isLeftOut }) => !isLeftOut);

/** Models and heads that the package leaves out, where this is the package. */
export const listLeftOut = (folder: string = bundledFolder): BundledModel[] =>
  [...modelsOf(folder), ...headsOf(folder)].filter(({ isLeftOut }) => isLeftOut);

/**
 * The bundled model of a name or file name; null where there is none.
 *
 * @throws PilotfishError `model-not-found` for one that the package leaves out.
 */
export function findBundled(name: string, folder: string = bundledFolder): BundledModel | null {
  const models = modelsOf(folder);
  return found(
    models.find((model) => model.name === nameOf(name)),
    models,
  );
}

/** findBundled of exit heads. */
export function findBundledHead(name: string, folder: string = bundledFolder): BundledModel | null {
  const heads = headsOf(folder);
  return found(
    heads.find((head) => head.name === name || head.file === name),
    heads,
  );
}

function found(model: BundledModel | undefined, all: readonly BundledModel[]): BundledModel | null {
  if (model?.isLeftOut !== true) return model ?? null;
  const here = all.filter(({ isLeftOut }) => !isLeftOut);
  throw new PilotfishError(
    'model-not-found',
    `${model.name} comes with a clone of the repository; the package has only ${namesOf(here)}`,
  );
}

/** Names to choose from, in words. */
export const namesOf = (models: readonly BundledModel[]): string =>
  models.map(({ name }) => name).join(', ');

/**
 * Every model of the manifest, there or not, and every other GGUF file beside it, but for exit
 * heads; by name.
 */
function modelsOf(folder: string): BundledModel[] {
  const { files: listed } = readManifest(folder);
  const heads = new Set(listed.filter(({ role }) => role === 'exit').map(({ file }) => file));
  const files = new Set([...listed.map(({ file }) => file), ...listFolder(folder)]);
  return [...files]
    .filter((file) => /\.gguf$/.test(file) && !heads.has(file))
    .sort()
    .map((file) => entryOf(file, nameOf(file), folder, listed));
}

/** Every exit head of the manifest, there or not; its name is the file's without `-f16.gguf`. */
function headsOf(folder: string): BundledModel[] {
  const { files: listed } = readManifest(folder);
  return listed
    .filter(({ role }) => role === 'exit')
    .map(({ file }) => entryOf(file, file.replace(/-f16\.gguf$/, ''), folder, listed));
}

/**
 * Refuses a file of the package that is not the one that was published; any other file passes.
 *
 * @throws PilotfishError `checksum-mismatch`.
 */
export function checkBundled(path: string, folder: string = bundledFolder): void {
  const whole = resolve(path);
  if (dirname(whole) !== resolve(folder)) return;
  const published = readManifest(folder).files.find(({ file }) => file === basename(whole))?.sha256;
  const found = published === undefined ? null : sha256Of(whole);
  if (found === null || found === published) return;
  const message = `${whole} is not the model that was published: its SHA-256 is ${found}, not ${published}`;
  throw new PilotfishError('checksum-mismatch', message);
}

/** In hex; null for a file that cannot be read: opening it will say why. */
function sha256Of(path: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    return null;
  }
}

const nameOf = (file: string): string => file.replace(/(-q8_0)?(\.gguf)?$/, '');

const entryOf = (
  file: string,
  name: string,
  folder: string,
  listed: Manifest['files'],
): BundledModel => {
  const path = join(folder, file);
  const entry = listed.find((candidate) => candidate.file === file);
  const isLeftOut = entry?.packed === false && !existsSync(path);
  return { name, file, path, sha256: entry?.sha256 ?? null, isLeftOut };
};

function readManifest(folder: string): Manifest {
  try {
    return JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ENOENT') return { files: [] };
    throw reason;
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
