// Stops real processes during an answer, a server and a device with an HTTP API: not ready, no new
// requests, the answer finishes, exit code 0 in time. Stopped twice they end at once, by a signal.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { afterEach, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { closeFor } from '../../protocol/failure.js';
import { freePort } from './cli-process.suite.js';

const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'main.js');
const model = 'stories-target';
/** Answers get five seconds; the process needs a little more. */
const boundMs = 12_000;
const timeout = 90_000;
/** Tokens of an answer that goes on while the test looks at what is refused. */
const longAnswer = 400;

const children: ChildProcess[] = [];
// Processes that a failed test leaves would keep this process alive.
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts a command and waits until it prints `ready`. */
async function start(args: readonly string[]) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let said = '';
  const isReady = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text;
        if (/ready/.test(said)) resolve();
      });
    }
    child.once('exit', () => reject(new Error(said)));
  });
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  await isReady;
  return { kill: (signal: NodeJS.Signals) => child.kill(signal), exited, said: () => said };
}

const startServer = (port: number) =>
  start(['serve', '-m', model, '--port', `${port}`, '--slots', '2', '-t', '1', '-c', '512']);

const startDevice = (serverPort: number, port: number) =>
  start([
    ...['device', '--server', `127.0.0.1:${serverPort}`, '-md', 'stories-draft', '-t', '1'],
    ...['-c', '512', '--http', `${port}`],
  ]);

/** A device uses the target's own name for it. */
async function modelAt(port: number): Promise<string> {
  const list = (await (await fetch(`http://127.0.0.1:${port}/v1/models`)).json()) as {
    data: { id: string }[];
  };
  return list.data[0]!.id;
}

const post = (port: number, name: string, tokens: number): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ model: name, prompt: 'The old clock', stream: true, temperature: 0 },
      // Without the end-of-text token, so that the answer has the full length.
      ...{ max_tokens: tokens, logit_bias: { 2: -100 } },
    }),
  });

/** Begins an answer. @returns once its first text has arrived; `rest` is the whole of it. */
async function beginAnswer(port: number, tokens: number): Promise<{ rest: Promise<string> }> {
  const response = await post(port, await modelAt(port), tokens);
  assert.equal(response.status, 200);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? '';
  const readOn = async (): Promise<string> => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return text;
      text += value;
    }
  };
  return { rest: readOn() };
}

async function isRefused(port: number): Promise<void> {
  const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
  assert.equal(ready.status, 503);
  assert.deepEqual(await ready.json(), { status: 'draining' });
  assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
  const asked = await post(port, model, 4);
  assert.equal(asked.status, 503);
  assert.ok(Number(asked.headers.get('retry-after')) > 0);
  assert.equal(JSON.parse(await asked.text()).error.code, 'server_unavailable');
}

async function upgradeEnd(port: number): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, ['pilotfish']);
  const [code] = (await once(socket, 'close')) as [number];
  return code;
}

it('a server that is stopped finishes running answers and takes no new requests', {
  timeout,
}, async () => {
  const port = await freePort();
  const server = await startServer(port);
  const { rest } = await beginAnswer(port, longAnswer);
  const toldAtMs = performance.now();
  server.kill('SIGTERM');
  while ((await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200);
  await isRefused(port);
  assert.equal(await upgradeEnd(port), closeFor('draining').code);
  const text = await rest;
  assert.match(text, /"finish_reason":"length"/);
  assert.match(text, /data: \[DONE\]\n\n$/);
  assert.equal(await server.exited, 0, server.said());
  assert.ok(performance.now() - toldAtMs < boundMs);
  assert.match(server.said(), /stopping; running answers may finish\n/);
});

it('a device with an HTTP API does the same, and its server goes on', {
  timeout,
}, async () => {
  const [serverPort, port] = [await freePort(), await freePort()];
  const server = await startServer(serverPort);
  const device = await startDevice(serverPort, port);
  const { rest } = await beginAnswer(port, longAnswer);
  const toldAtMs = performance.now();
  device.kill('SIGTERM');
  while ((await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200);
  await isRefused(port);
  const text = await rest;
  assert.match(text, /"finish_reason":"length"/);
  assert.match(text, /data: \[DONE\]\n\n$/);
  assert.equal(await device.exited, 0, device.said());
  assert.ok(performance.now() - toldAtMs < boundMs);
  assert.equal((await fetch(`http://127.0.0.1:${serverPort}/readyz`)).status, 200);
  server.kill('SIGTERM');
  assert.equal(await server.exited, 0);
});

it('a device whose server is going away waits for the next one, with the same text', {
  timeout,
}, async () => {
  const [serverPort, port] = [await freePort(), await freePort()];
  const first = await startServer(serverPort);
  const device = await startDevice(serverPort, port);
  const whole = await (await beginAnswer(port, 60)).rest;
  first.kill('SIGTERM');
  assert.equal(await first.exited, 0);
  const { rest } = await startServer(serverPort).then(async (second) => {
    const answer = await beginAnswer(port, 60);
    return { rest: answer.rest.finally(() => second.kill('SIGTERM')) };
  });
  const textOf = (events: string): string =>
    [...events.matchAll(/"text":("(?:[^"\\]|\\.)*")/g)]
      .map(([, text]) => JSON.parse(text!))
      .join('');
  assert.equal(textOf(await rest), textOf(whole));
  device.kill('SIGTERM');
  assert.equal(await device.exited, 0, device.said());
});

it('stopped twice, both end at once in the middle of an answer', { timeout }, async () => {
  const [serverPort, port] = [await freePort(), await freePort()];
  const server = await startServer(serverPort);
  const device = await startDevice(serverPort, port);
  for (const [api, child] of [
    [port, device],
    [serverPort, server],
  ] as const) {
    const { rest } = await beginAnswer(api, longAnswer);
    // The connection breaks.
    const broken = assert.rejects(rest);
    child.kill('SIGTERM');
    while ((await fetch(`http://127.0.0.1:${api}/readyz`)).status === 200);
    child.kill('SIGTERM');
    assert.equal(await child.exited, 'SIGTERM', child.said());
    await broken;
  }
});
