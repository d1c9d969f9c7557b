// The models that come with the package: their names, files and published checksums, from models/manifest.json.
// Opens no model.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundledModels } from '../package-root.js';

export interface BundledModel {
  /** What --model takes: the file name without `-q8_0.gguf` or `.gguf`; eight bits are the ones to use by default. */
  readonly name: string;
  readonly file: string;
  readonly path: string;
  /** Published SHA-256, or null for a file that the manifest does not name. */
  readonly sha256: string | null;
}

interface Manifest {
  readonly files: readonly { readonly file: string; readonly sha256: string }[];
}

/** Every model of the manifest, there or not, and every other GGUF file beside it; by name. */
export function listBundled(folder: string = bundledModels): BundledModel[] {
  const sums = new Map(readManifest(folder).files.map(({ file, sha256 }) => [file, sha256]));
  const files = new Set(
    [...sums.keys(), ...listFolder(folder)].filter((file) => /\.gguf$/.test(file)),
  );
  return [...files].sort().map((file) => ({
    name: nameOf(file),
    file,
    path: join(folder, file),
    sha256: sums.get(file) ?? null,
  }));
}

/** The bundled model of a name or file name; null where there is none. */
export function findBundled(name: string): BundledModel | null {
  return listBundled().find((model) => model.name === nameOf(name)) ?? null;
}

const nameOf = (file: string): string => file.replace(/(-q8_0)?(\.gguf)?$/, '');

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
