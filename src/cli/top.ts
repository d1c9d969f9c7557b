// `pilotfish top`: what a running server does, refreshed in place on a terminal, once where the output is no terminal.
// Asks the server's own /stats and nothing else.

import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Command } from 'commander';
import { PilotfishError } from '../base/error.js';
import { checkKeyInClear } from '../device/index.js';
import type { ServerStats } from '../server/index.js';
import { flag, jsonFlag, wholeNumber } from './flags/flags.js';
import { serverFlag, serverUrl } from './flags/server-address.js';
import {
  type CredentialOptions,
  type Credentials,
  credentialFlags,
  credentialsOf,
} from './run/credential-flags.js';
import type { Terminal } from './screen/terminal.js';
import { topText } from './top/view.js';
import { watch } from './top/watch.js';

const description = `Shows load, memory, slots, sessions, queue, passes, verdicts and traffic of a running server.

  pilotfish top
  pilotfish top -s 127.0.0.1:7433 --json

On a terminal the view is refreshed in place until Ctrl-C, also while the server is started anew; elsewhere, and with --json, it is printed once. A server without keys answers this question on its own machine only, one with keys to whoever shows one made with --may stats.`;

interface TopOptions extends CredentialOptions {
  readonly server: string;
  readonly interval: number;
  readonly json?: boolean;
}

/** An answer that takes longer is none. */
const answerMsMax = 5_000;

/** Asks for the numbers of now. */
type Ask = () => Promise<ServerStats>;

export function addTop(program: Command, terminal: Terminal): void {
  const command = program
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
      const ask = askOf(options, terminal);
      if (options.json) {
        terminal.out.write(`${JSON.stringify(await ask(), null, 2)}\n`);
      } else if (terminal.out.isTTY !== true) {
        terminal.out.write(`${topText(await ask(), null)}\n`);
      } else {
        const { signal } = terminal;
        await watch(ask, () => pause(options.interval, signal), terminal);
      }
    });
  for (const option of credentialFlags()) command.addOption(option);
}

function askOf(options: TopOptions, terminal: Terminal): Ask {
  const credentials = credentialsOf(options, terminal);
  checkKeyInClear(serverUrl(options.server), credentials);
  const url = statsUrl(options.server);
  return () => fetchStats(url, credentials);
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
export async function fetchStats(url: string, credentials: Credentials = {}): Promise<ServerStats> {
  const { status, body } = await get(url, credentials).catch((reason: Error) => {
    throw new PilotfishError(
      'server-unreachable',
      `no server answers at ${url}: ${reason.message}`,
    );
  });
  if (status === 401) {
    const why = credentials.key === undefined ? 'asks for a key' : 'does not know the key';
    const remedy = '--key-file or PILOTFISH_KEY takes a key of that server';
    throw new PilotfishError('server-refused', `${url} ${why}; ${remedy}`);
  }
  if (status === 403 && credentials.key !== undefined) {
    const remedy = 'make one for watching with `pilotfish keys create NAME --may stats`';
    throw new PilotfishError('server-refused', `${url} does not answer this key; ${remedy}`);
  }
  if (status !== 200) {
    throw new PilotfishError('server-refused', `${url} answers with status ${status}`);
  }
  return JSON.parse(body) as ServerStats;
}

/** Longest answer that is read. */
const bodyCharsMax = 1_000_000;

/** `fetch` would take no certificates of an operator's own. */
function get(url: string, { key, tls }: Credentials): Promise<{ status: number; body: string }> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const signal = AbortSignal.timeout(answerMsMax);
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, signal, ...tls }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
        if (body.length > bodyCharsMax) asked.destroy(new Error('the answer is too long'));
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.once('error', reject);
    asked.end();
  });
}
