// Checks a device and a server over TLS, with certificates made for this test: trusted by option,
// by a child process through NODE_EXTRA_CA_CERTS, or not at all.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { makeCertificate, openSslMissing, signCertificate } from '../access/certificate.suite.js';
import { TlsFiles } from '../access/tls-files.js';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { bannedEnd } from '../engine/scripted-vocabulary.js';
import { startServer } from '../server/index.js';
import { connect } from './client.js';
import { targetOnly } from './core/device-world.suite.js';
import { checkAlternative, type DeviceTls } from './websocket-dialer.js';

/**
 * What the child does: one answer without drafts, its tokens on stdout or the error's code and
 * words.
 */
const script = `
  const { connect } = await import(${JSON.stringify(new URL('./index.js', import.meta.url).href)});
  const sampling = ${JSON.stringify({
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
    presencePenalty: 0,
    frequencyPenalty: 0,
  })};
  sampling.logitBias = new Map([[1, -Infinity]]);
  try {
    const client = await connect({ url: process.argv[1], drafter: { kind: 'none' } });
    const ids = Int32Array.of(0, 3, 5);
    const { tokens } = await client.generate({ ids, sampling, seed: 11n, tokensMax: 40 }).result;
    console.log(JSON.stringify({ tokens }));
    await client.close();
  } catch ({ code, message }) {
    console.log(JSON.stringify({ code, message }));
  }`;

async function childSays(url: string, env: NodeJS.ProcessEnv): Promise<Record<string, unknown>> {
  const args = ['--input-type=module', '-e', script, url];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { ...process.env, ...env },
    timeout: 20_000,
  });
  return JSON.parse(stdout);
}

async function withTls(
  test: (url: string, folder: string, certPath: string) => Promise<void>,
  asksClients = false,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-tls-'));
  const engine = createScriptedEngine();
  const { keyPath: key, certPath: cert } = makeCertificate(folder);
  const authority = makeCertificate(folder, 'authority');
  signCertificate(folder, 'device', authority);
  const clientCa = asksClients ? authority.certPath : null;
  const tls = new TlsFiles({ cert, key, clientCa }, { note: () => undefined });
  const server = await startServer({ engine, tls, port: 0 });
  try {
    await test(server.address, folder, cert);
  } finally {
    await server.close();
    tls.close();
    await engine.close();
    rmSync(folder, { recursive: true });
  }
}

const ask = { ids: Int32Array.of(0, 3, 5), sampling: bannedEnd, seed: 11n, tokensMax: 40 };

async function written(url: string, tls: DeviceTls): Promise<number[]> {
  const client = await connect({ url, tls, drafter: { kind: 'none' } });
  try {
    return [...(await client.generate(ask).result).tokens];
  } finally {
    await client.close();
  }
}

describe('a wss: address', { skip: openSslMissing(), timeout: 60_000 }, () => {
  it('is written through where the certificate is trusted, and refused where it is not', async () => {
    await withTls(async (url, _folder, certPath) => {
      assert.match(url, /^wss:/);
      const trusting = await childSays(url, { NODE_EXTRA_CA_CERTS: certPath });
      assert.deepEqual(trusting, { tokens: targetOnly({}) });
      const wary = await childSays(url, { NODE_EXTRA_CA_CERTS: '' });
      assert.equal(wary['code'], 'server-unreachable');
      assert.match(
        String(wary['message']),
        /no server answers at wss:.*self-signed and not trusted/,
      );
    });
  });

  it('trusts the authority that the caller names, and no other then', async () => {
    await withTls(async (url, folder, certPath) => {
      assert.deepEqual(await written(url, { ca: readFileSync(certPath) }), targetOnly({}));
      const ca = readFileSync(join(folder, 'authority.pem'));
      await assert.rejects(written(url, { ca }), { code: 'server-unreachable' });
    });
  });

  it('asks for a certificate of the device where the server wants one', async () => {
    await withTls(async (url, folder, certPath) => {
      const ca = readFileSync(certPath);
      await assert.rejects(written(url, { ca }), {
        code: 'server-unreachable',
        message: /client certificate|connection reset/,
      });
      const [cert, key] = ['device.pem', 'device-key.pem'].map((name) =>
        readFileSync(join(folder, name)),
      );
      assert.deepEqual(await written(url, { ca, cert: cert!, key: key! }), targetOnly({}));
      // Signed by itself, as the server's is: not by the authority.
      const strange = { cert: ca, key: readFileSync(join(folder, 'server-key.pem')) };
      await assert.rejects(written(url, { ca, ...strange }), { code: 'server-unreachable' });
    }, true);
  });
});

it('goes on in clear nowhere that a server names, where it began under TLS', () => {
  const named = (url: string, alternative: string) => () => checkAlternative(url, alternative);
  assert.throws(named('wss://edge.example', 'ws://other.example'), { code: 'usage' });
  assert.doesNotThrow(named('wss://edge.example', 'wss://other.example'));
  assert.doesNotThrow(named('wss://edge.example', 'ws://127.0.0.1:7433'));
  assert.doesNotThrow(named('ws://edge.example', 'ws://other.example'));
});
