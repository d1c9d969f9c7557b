// Finds the shared library that encodes pictures: a file the user names, else that of the installed
// platform package. Opens nothing.

import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PilotfishError } from '../../../base/error.js';

/** Names a shared library that exports `llama_*` and `mtmd_*`, in place of the package's. */
const libraryVariable = 'MTMD_LIB';

/**
 * @param file overrides the environment and the package.
 * @throws PilotfishError `library-not-found`, with what to install or set.
 */
export function findEyesLibrary(file?: string): string {
  const named = file ?? process.env[libraryVariable];
  if (named) {
    if (statSync(named, { throwIfNoEntry: false })?.isFile()) return named;
    throw new PilotfishError(
      'library-not-found',
      `there is no library that encodes pictures: ${named}`,
    );
  }
  const name = `@fugood/node-llama-${process.platform}-${process.arch}`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/index.node`);
  } catch (reason) {
    throw new PilotfishError(
      'library-not-found',
      `no library that encodes pictures: ${name} is not installed and ${libraryVariable} is not set`,
      { cause: reason },
    );
  }
}
