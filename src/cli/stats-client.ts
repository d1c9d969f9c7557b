// Fetches /stats from a server, with the server's TLS settings and key.

import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { PilotfishError } from '../base/error.js';
import type { ServerStats } from '../server/index.js';
import type { Credentials } from './flags/credential-flags.js';
import { serverUrl } from './flags/server-address.js';

/** A server that takes longer counts as away. */
const answerMsMax = 5_000;

/** @throws PilotfishError `usage` for an invalid server address. */
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
    const why = credentials.key === undefined ? 'requires a key' : 'does not know the key';
    const remedy = '--key-file or PILOTFISH_KEY takes a key of that server';
    throw new PilotfishError('server-refused', `${url} ${why}; ${remedy}`);
  }
  if (status === 403 && credentials.key !== undefined) {
    const remedy = 'make one with `pilotfish keys create NAME --may stats`';
    throw new PilotfishError('server-refused', `${url} refuses this key; ${remedy}`);
  }
  if (status !== 200) {
    throw new PilotfishError('server-refused', `${url} answers with status ${status}`);
  }
  return JSON.parse(body) as ServerStats;
}

/** Longest answer that is read. */
const bodyCharsMax = 1_000_000;

/** Uses http.get: `fetch` takes no certificate authority of the user. */
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
