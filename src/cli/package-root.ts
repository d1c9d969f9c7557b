// Gives the folder and the version of this package. Reads only files of the package itself.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder that holds package.json; this file compiles to dist/src/cli/. */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** The command to type in `folder`: in a clone the launcher beside package.json, else its name. */
export function commandName(folder: string): string {
  const launcher = join(packageRoot, 'pilotfish');
  if (!existsSync(launcher)) return 'pilotfish';
  const path = relative(folder, launcher);
  return isAbsolute(path) || path.startsWith('..') ? launcher : `./${path}`;
}

export const packageVersion = (): string =>
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version;
