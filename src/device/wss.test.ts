// A device behind TLS: a certificate made for this test, a proxy that ends TLS before the server, and a child process that
// trusts the certificate through NODE_EXTRA_CA_CERTS, or does not.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { startServer } from '../server/index.js';
import { targetOnly } from './core/world.suite.js';

/** Node has no maker of certificates of its own. */
function openSslMissing(): string | false {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'openssl is not installed: nothing makes a certificate';
  }
}

interface Certificate {
  readonly keyPath: string;
  readonly certPath: string;
}

/** Self-signed, for 127.0.0.1, for a day. */
function makeCertificate(folder: string): Certificate {
  const [keyPath, certPath] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  const files = ['-keyout', keyPath, '-out', certPath];
  execFileSync('openssl', ['req', ...kind, ...name, ...files], { stdio: 'ignore' });
  return { keyPath, certPath };
}

/** What the child does: one answer without drafts, its tokens on stdout or the error's code and words. */
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

async function withTls(test: (url: string, certPath: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-tls-'));
  const engine = createScriptedEngine();
  const server = await startServer({ engine, port: 0 });
  const { keyPath, certPath } = makeCertificate(folder);
  const secrets = { key: readFileSync(keyPath), cert: readFileSync(certPath) };
  const proxy = createTlsServer(secrets, (near) => {
    const far = connectSocket(server.port, '127.0.0.1');
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  proxy.on('tlsClientError', () => undefined);
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  try {
    await test(`wss://127.0.0.1:${(proxy.address() as AddressInfo).port}`, certPath);
  } finally {
    proxy.close();
    await server.close();
    await engine.close();
    rmSync(folder, { recursive: true });
  }
}

describe('a wss: address', { skip: openSslMissing(), timeout: 60_000 }, () => {
  it('is written through where the certificate is trusted, and refused where it is not', async () => {
    await withTls(async (url, certPath) => {
      const trusting = await childSays(url, { NODE_EXTRA_CA_CERTS: certPath });
      assert.deepEqual(trusting, { tokens: targetOnly({}) });
      const wary = await childSays(url, { NODE_EXTRA_CA_CERTS: '' });
      assert.equal(wary['code'], 'server-unreachable');
      assert.match(String(wary['message']), /no server answers at wss:.*self-signed certificate/);
    });
  });
});
