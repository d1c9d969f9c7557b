// Where the file of keys is, unless somebody says otherwise.

import { join } from 'node:path';
import type { Environment } from '../screen/terminal.js';

/** Below the folder for settings, as other tools have it. */
export function defaultKeysPath(env: Environment): string {
  const folder = env['XDG_CONFIG_HOME'] || join(env['HOME'] ?? '', '.config');
  return join(folder, 'pilotfish', 'keys.json');
}
