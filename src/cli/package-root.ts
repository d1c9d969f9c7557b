// Where this package lies and what version it is. Reads only files of the package itself.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder that holds package.json; this file compiles to dist/cli/. */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Folder of the models that come with the package. */
export const bundledModels = join(packageRoot, 'models');

export const packageVersion = (): string =>
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version;
