// Finds the llama.cpp shared libraries: a folder the user names, else the installed platform
// package. Opens nothing.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PilotfishError } from '../../base/error.js';

/** The llama.cpp release whose C API the folder ffi speaks. */
export const llamaVersion = '0.5.0';
/** The npm release of the platform packages that carries it. */
export const platformPackageVersion = '3.22.1';
/** Names a folder with a llama.cpp build of the same version. */
export const libraryFolderVariable = 'LLAMA_LIB_DIR';

/** The llama.cpp libraries that an engine uses. */
export interface LibraryFiles {
  readonly folder: string;
  /** Where the folder came from, in words. */
  readonly source: string;
  readonly ggmlBase: string;
  readonly ggml: string;
  readonly llama: string;
}

/** Packages to look for, best first: GPU builds are there only when the user has installed them. */
export function platformPackages(platform: NodeJS.Platform, architecture: string): string[] {
  const system = { linux: 'linux', darwin: 'mac', win32: 'win' }[platform as string];
  if (!system) return [];
  const base = `@node-llama-cpp/${system}-${architecture}`;
  if (system === 'mac') return [`${base}-metal`, base];
  return [`${base}-cuda`, `${base}-vulkan`, base];
}

/**
 * @param folder a llama.cpp build of the user's own; overrides the environment and the packages.
 * @throws PilotfishError `library-not-found`, naming every place looked at.
 */
export function findLibrary(folder?: string): LibraryFiles {
  const named = folder ?? process.env[libraryFolderVariable];
  if (named) {
    const files = libraryIn(named, folder ? 'setting' : libraryFolderVariable);
    if (files) return files;
    throw new PilotfishError('library-not-found', `no llama.cpp libraries in ${named}`);
  }
  const names = platformPackages(process.platform, process.arch);
  for (const name of names) {
    const found = packageFolders(name)
      .map((path) => libraryIn(path, name))
      .find((files) => files !== null);
    if (found) return found;
  }
  throw new PilotfishError(
    'library-not-found',
    names.length === 0
      ? `there is no llama.cpp package for ${process.platform}-${process.arch}`
      : `none of ${names.join(', ')} is installed`,
  );
}

/** Folders of a platform package that may hold libraries. */
function packageFolders(name: string): string[] {
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    return []; // Not installed: the next candidate is tried.
  }
  const bins = join(dirname(dirname(entry)), 'bins');
  return existsSync(bins) ? readdirSync(bins).map((child) => join(bins, child)) : [];
}

function libraryIn(folder: string, source: string): LibraryFiles | null {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return null;
  const names = readdirSync(folder);
  const pick = (stem: string): string | undefined => {
    const pattern = new RegExp(`^(lib)?${stem}(\\.v?[0-9.]+)?\\.(so|dylib|dll)(\\.[0-9.]+)?$`);
    const name = names.filter((candidate) => pattern.test(candidate)).sort()[0];
    return name && join(folder, name);
  };
  const [ggmlBase, ggml, llama] = [pick('ggml-base'), pick('ggml'), pick('llama')];
  return ggmlBase && ggml && llama ? { folder, source, ggmlBase, ggml, llama } : null;
}
