// Checks that secrets do not leak: starts, uses, misuses and stops real processes with marked keys,
// and searches their output, responses and titles.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { freePort } from './cli-process.suite.js';
import { type Ended, type Running, run } from './command.suite.js';

const model = 'llama-stories-target-9m';
const debug = { PILOTFISH_DEBUG: '1' };
/** A key that no file has, such as that of another server. */
const strange = `pf_0123456789ab_${'Zq7'.repeat(14)}Z`;

/** Everything that was seen, with its source. */
class Seen {
  readonly texts: [string, string][] = [];

  add(where: string, text: string): void {
    this.texts.push([where, text]);
  }

  addEnded(where: string, { out, err }: Ended): void {
    this.add(`${where}, stdout`, out);
    this.add(`${where}, stderr`, err);
  }

  /** @throws where a secret appears. */
  check(secrets: readonly string[]): void {
    for (const [where, text] of this.texts) {
      for (const secret of secrets) assert.ok(!text.includes(secret), `${where} shows a secret`);
    }
  }
}

interface Child {
  readonly child: Running;
  readonly ended: Promise<Ended>;
}

/** Starts a command; resolves when its API answers. */
async function start(args: readonly string[], port: number): Promise<Child> {
  const started = await new Promise<Child>((resolve) => {
    const ended = run(args, debug, (child) => queueMicrotask(() => resolve({ child, ended })));
  });
  const early = started.ended.then(({ err }) => Promise.reject(new Error(err)));
  early.catch(() => undefined);
  const answers = async (): Promise<void> => {
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${port}/livez`).catch(() => null);
      if (response?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await Promise.race([answers(), early]);
  return started;
}

/** Requests everything there is, with a key or without, and keeps the responses. */
async function lookAround(port: number, key: string | null, seen: Seen): Promise<void> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (key !== null) headers['authorization'] = `Bearer ${key}`;
  const bodies = [{ model, prompt: 'The old clock', max_tokens: 4 }, { model: 'other' }, [], '{'];
  const asked = [
    ...['/stats', '/metrics', '/v1/models', '/readyz', '/livez', '/nowhere'].map((path) => ({
      path,
    })),
    ...bodies.map((body) => ({ path: '/v1/completions', body })),
  ];
  for (const { path, ...rest } of asked) {
    const post = 'body' in rest ? { method: 'POST', body: JSON.stringify(rest.body) } : {};
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers, ...post });
    seen.add(`${path} on ${port}`, `${[...response.headers].join()} ${await response.text()}`);
  }
}

it('a key is never printed, logged, served, counted or put into a title', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-secrets-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [keysPath, keyPath] = [join(folder, 'keys.json'), join(folder, 'pi.key')];
  const seen = new Seen();
  const created = await run(['keys', 'create', 'pi', '--may', 'stats', '--keys', keysPath]);
  const token = created.out.trim();
  assert.match(token, /^pf_[0-9a-f]{12}_[\w-]{43}$/);
  const secrets = [token.slice(16), strange.slice(16)];
  seen.add('keys create, stderr', created.err);
  seen.add('the key file', readFileSync(keysPath, 'utf8'));
  assert.equal(statSync(keysPath).mode & 0o777, 0o600);
  writeFileSync(keyPath, `${token}\n`, { mode: 0o600 });

  const [port, apiPort] = [await freePort(), await freePort()];
  const served = ['serve', '-m', 'stories-target', '--slots', '2', '-t', '1', '-c', '128'];
  const server = await start([...served, '--port', `${port}`, '--keys', keysPath], port);
  const at = ['--server', `127.0.0.1:${port}`];
  const loadedDrafter = ['device', ...at, '--key-file', keyPath, '-t', '1'];
  const device = await start(
    [...loadedDrafter, '--http', `${apiPort}`, '--http-keys', keysPath],
    apiPort,
  );
  for (const { child } of [server, device]) {
    seen.add('a title', readFileSync(`/proc/${child.pid}/cmdline`, 'utf8'));
  }
  for (const api of [port, apiPort]) {
    for (const key of [token, strange, null]) await lookAround(api, key, seen);
  }
  const answered = await run([
    'run',
    'The old clock',
    ...at,
    '--key-file',
    keyPath,
    '-n',
    '4',
    '-t',
    '1',
  ]);
  assert.equal(answered.code, 0, answered.err);
  seen.addEnded('run', answered);
  for (const key of [strange, 'two words', `${strange}${'x'.repeat(300)}`]) {
    const env = { ...debug, PILOTFISH_KEY: key };
    const refused = await run(['run', 'The old clock', ...at, '-t', '1'], env);
    assert.ok(refused.code === 4 || refused.code === 2, refused.err);
    seen.addEnded('run with a wrong key', refused);
  }
  seen.addEnded('top', await run(['top', ...at], { ...debug, PILOTFISH_KEY: token }));
  seen.addEnded('top, refused', await run(['top', ...at], { ...debug, PILOTFISH_KEY: strange }));
  seen.addEnded('keys list', await run(['keys', 'list', '--keys', keysPath]));
  seen.addEnded('keys list', await run(['keys', 'list', '--json', '--keys', keysPath]));
  seen.addEnded('keys revoke', await run(['keys', 'revoke', 'pi', '--keys', keysPath]));
  server.child.kill('SIGHUP');
  const { code, err } = await device.ended;
  assert.equal(code, 4, 'a device with a revoked key ends');
  assert.match(err.replace(/\s+/g, ' '), /the key is not valid any more \(key-refused\)/);
  assert.doesNotMatch(err, /trying again/);
  const late = await run(['run', 'The old clock', ...at, '-t', '1'], {
    ...debug,
    PILOTFISH_KEY: token,
  });
  assert.equal(late.code, 4, 'a revoked key is refused');
  seen.addEnded('run with a revoked key', late);
  server.child.kill('SIGINT');
  for (const { ended } of [device, server]) seen.addEnded('a process', await ended);

  const all = seen.texts.map(([, text]) => text).join('\n');
  for (const words of [
    /key-refused/,
    /valid now: 0/,
    /llama-stories-target/,
    /pilotfish_passes_total/,
  ]) {
    assert.match(all, words);
  }
  assert.throws(() => seen.check(['llama-stories-target']), 'present text is found');
  seen.check(secrets);
});
