// Gives the default path of the key file.

import { join } from 'node:path';
import type { Environment } from '../screen/terminal.js';

/** In the user's configuration folder. */
export function defaultKeysPath(env: Environment): string {
  const folder = env['XDG_CONFIG_HOME'] || join(env['HOME'] ?? '', '.config');
  return join(folder, 'pilotfish', 'keys.json');
}
