// `pilotfish top`: what a running server does, refreshed in place on a terminal, once where the output is no terminal.
// Asks the server's own /stats and nothing else.

import type { Command } from 'commander';
import { PilotfishError } from '../base/error.js';
import type { ServerStats } from '../server/index.js';
import { flag, jsonFlag, wholeNumber } from './flags/flags.js';
import { serverFlag, serverUrl } from './flags/server-address.js';
import type { Terminal } from './screen/terminal.js';
import { topText } from './top/view.js';
import { watch } from './top/watch.js';

const description = `Shows load, memory, slots, sessions, queue, passes, verdicts and traffic of a running server.

  pilotfish top
  pilotfish top -s 127.0.0.1:7433 --json

On a terminal the view is refreshed in place until Ctrl-C, also while the server is started anew; elsewhere, and with --json, it is printed once. A server answers this question on its own machine only.`;

interface TopOptions {
  readonly server: string;
  readonly interval: number;
  readonly json?: boolean;
}

/** An answer that takes longer is none. */
const answerMsMax = 5_000;

export function addTop(program: Command, terminal: Terminal): void {
  program
    .command('top')
    .summary('watch a running server')
    .description(description)
    .addOption(serverFlag())
    .addOption(
      flag(
        '--interval <ms>',
        'time between refreshes',
        wholeNumber('--interval', 100, 60_000),
      ).default(1000),
    )
    .addOption(jsonFlag())
    .action(async (options: TopOptions) => {
      const url = statsUrl(options.server);
      if (options.json) {
        terminal.out.write(`${JSON.stringify(await fetchStats(url), null, 2)}\n`);
      } else if (terminal.out.isTTY !== true) {
        terminal.out.write(`${topText(await fetchStats(url), null)}\n`);
      } else {
        const { signal } = terminal;
        await watch(
          () => fetchStats(url),
          () => pause(options.interval, signal),
          terminal,
        );
      }
    });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

/** @throws PilotfishError `usage` for what is no address of a server. */
export function statsUrl(server: string): string {
  const { protocol, host } = new URL(serverUrl(server));
  return `${protocol === 'wss:' ? 'https' : 'http'}://${host}/stats`;
}

/** @throws PilotfishError `server-unreachable`, `server-refused`. */
export async function fetchStats(url: string): Promise<ServerStats> {
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(answerMsMax) });
  } catch (reason) {
    const cause = (reason as Error).cause ?? reason;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PilotfishError('server-unreachable', `no server answers at ${url}: ${why}`);
  }
  if (!response.ok) {
    throw new PilotfishError('server-refused', `${url} answers with status ${response.status}`);
  }
  return (await response.json()) as ServerStats;
}
