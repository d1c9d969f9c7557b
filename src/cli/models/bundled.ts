// The models that come with the package: their names, files and published checksums, from models/manifest.json.
// Opens no model, but reads one to see that it is the one that was published.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { PilotfishError } from '../../base/error.js';
import { bundledModels } from '../package-root.js';

export interface BundledModel {
  /** What --model or --exit-head takes: of a model the file name without `-q8_0.gguf` or `.gguf`; eight bits are the ones to use by default. */
  readonly name: string;
  readonly file: string;
  readonly path: string;
  /** Published SHA-256, or null for a file that the manifest does not name. */
  readonly sha256: string | null;
}

interface Manifest {
  readonly files: readonly {
    readonly file: string;
    readonly role: string;
    readonly sha256: string;
  }[];
}

/** Every model of the manifest, there or not, and every other GGUF file beside it, but for exit heads; by name. */
export function listBundled(folder: string = bundledModels): BundledModel[] {
  const { files: listed } = readManifest(folder);
  const heads = new Set(listed.filter(({ role }) => role === 'exit').map(({ file }) => file));
  const files = new Set([...listed.map(({ file }) => file), ...listFolder(folder)]);
  return [...files]
    .filter((file) => /\.gguf$/.test(file) && !heads.has(file))
    .sort()
    .map((file) => entryOf(file, nameOf(file), folder, listed));
}

/** Every exit head of the manifest, there or not; --exit-head takes its name, which is the file's without `-f16.gguf`. */
export function listBundledHeads(folder: string = bundledModels): BundledModel[] {
  const { files: listed } = readManifest(folder);
  return listed
    .filter(({ role }) => role === 'exit')
    .map(({ file }) => entryOf(file, file.replace(/-f16\.gguf$/, ''), folder, listed));
}

/** The bundled model of a name or file name; null where there is none. */
export function findBundled(name: string): BundledModel | null {
  return listBundled().find((model) => model.name === nameOf(name)) ?? null;
}

/**
 * Refuses a file of the package that is not the one that was published; any other file passes.
 *
 * @throws PilotfishError `checksum-mismatch`.
 */
export function checkBundled(path: string, folder: string = bundledModels): void {
  const whole = resolve(path);
  if (dirname(whole) !== resolve(folder)) return;
  const published = readManifest(folder).files.find(({ file }) => file === basename(whole))?.sha256;
  const found = published === undefined ? null : sha256Of(whole);
  if (found === null || found === published) return;
  const message = `${whole} is not the model that was published: its SHA-256 is ${found}, not ${published}`;
  throw new PilotfishError('checksum-mismatch', message);
}

/** In hex; null for a file that cannot be read: whoever opens it says why. */
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
): BundledModel => ({
  name,
  file,
  path: join(folder, file),
  sha256: listed.find((entry) => entry.file === file)?.sha256 ?? null,
});

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
