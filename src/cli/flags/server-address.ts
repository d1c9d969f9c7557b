// Where a server is: one flag for all commands that speak to one, and what may be written behind it.

import type { Option } from 'commander';
import { PilotfishError } from '../../base/error.js';
import { defaultPort } from '../../server/index.js';
import { flag } from './flags.js';

/** `-s, --server`. */
export const serverFlag = (): Option =>
  flag('-s, --server <address>', 'host, host:port, or a ws:// or wss:// address').default(
    `127.0.0.1:${defaultPort}`,
  );

/** A name or address, of IPv6 in brackets, with a port or without. Digits alone are no host that anybody means. */
const bare = /^(?!\d+$)(\[[\da-f:.%]+\]|[\w.-]+)(:\d+)?$/i;

/**
 * The ws: or wss: address that a text means: where no scheme is named ws:, and then where no port is named 7433.
 *
 * @param name of the flag, for the message.
 * @throws PilotfishError `usage`.
 */
export function serverUrl(text: string, name = '--server'): string {
  const [, host, port] = bare.exec(text) ?? [];
  const url = host === undefined ? text : `ws://${host}${port ?? `:${defaultPort}`}`;
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return url;
  const hint = /^\d+$/.test(text) ? ' (the seed is --seed)' : '';
  throw new PilotfishError(
    'usage',
    `${name} takes host, host:port, ws://host:port or wss://host, not '${text}'${hint}`,
  );
}
