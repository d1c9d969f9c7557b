// Defines `pilotfish top`: shows what a running server does, refreshed in place on a terminal,
// printed once elsewhere. Asks only the server's /stats.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { checkKeyInClear } from '../device/websocket-dialer.js';
import type { ServerStats } from '../server/index.js';
import {
  type CredentialOptions,
  credentialFlags,
  credentialsOf,
} from './flags/credential-flags.js';
import { addFlags, flag, jsonFlag, wholeNumber } from './flags/flags.js';
import { serverFlag, serverUrl } from './flags/server-address.js';
import { printJson, type Terminal } from './screen/terminal.js';
import { fetchStats, statsUrl } from './stats-client.js';
import { topText } from './top/view.js';
import { watch } from './top/watch.js';

const description = `Shows load, memory, slots, sessions, queue, passes, verdicts and traffic of a running server.

  pilotfish top
  pilotfish top -s 127.0.0.1:7433 --json

On a terminal the view is refreshed in place until Ctrl-C, also across restarts of the server. Elsewhere, and with --json, it is printed once. A server without keys answers only on its own machine. A server with keys requires a key made with --may stats.`;

interface TopOptions extends CredentialOptions {
  readonly server: string;
  readonly interval: number;
  readonly json?: boolean;
}

export function addTop(program: Command, terminal: Terminal): void {
  const command = program.command('top').summary('watch a running server').description(description);
  addFlags(command, [
    serverFlag(),
    flag('--interval <ms>', 'time between refreshes', wholeNumber(100, 60_000)).default(1000),
    jsonFlag(),
    ...credentialFlags(),
  ]).action(async (options: TopOptions) => {
    const ask = askOf(options, terminal);
    const { out, signal } = terminal;
    if (options.json) printJson(terminal, await ask());
    else if (out.isTTY !== true) out.write(`${topText(await ask(), null)}\n`);
    else await watch(ask, () => pause(options.interval, signal), terminal);
  });
}

function askOf(options: TopOptions, terminal: Terminal): () => Promise<ServerStats> {
  const credentials = credentialsOf(options, terminal);
  checkKeyInClear(serverUrl(options.server), credentials);
  const url = statsUrl(options.server);
  return () => fetchStats(url, credentials);
}

/** Waits, but not beyond the abort of `signal`. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);
