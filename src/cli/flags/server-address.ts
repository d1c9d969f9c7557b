// Reads `--server`: one flag for all commands that connect to a server, and the addresses it takes.

import type { Option } from 'commander';
import { defaultPort } from '../../server/index.js';
import { flag, usageError } from './flags.js';

/** `-s, --server`. */
export const serverFlag = (): Option =>
  flag('-s, --server <address>', 'host, host:port, or a ws:// or wss:// address').default(
    `127.0.0.1:${defaultPort}`,
  );

/** A name or address, IPv6 in brackets, with an optional port. A host is never digits alone. */
const bare = /^(?!\d+$)(\[[\da-f:.%]+\]|[\w.-]+)(:\d+)?$/i;

/** The ws: or wss: address of a text; without a scheme ws:, and then without a port 7433. */
export function serverUrl(text: string, name = '--server'): string {
  const [, host, port] = bare.exec(text) ?? [];
  const url = host === undefined ? text : `ws://${host}${port ?? `:${defaultPort}`}`;
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return url;
  const hint = /^\d+$/.test(text) ? ' (the seed is --seed)' : '';
  throw usageError(
    `${name} takes host, host:port, ws://host:port or wss://host, not '${text}'${hint}`,
  );
}
