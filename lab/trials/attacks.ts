// What clients do to a server that no honest one does. Each returns when it is over: those that wait do so until the server
// has cut them off, for that is what it promises.

import { connect as connectSocket, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { WebSocket } from 'ws';
import { assert } from '../../src/base/assert.js';
import { limits } from '../../src/protocol/limits.js';
import { helloFrame, openSocket, rawOpenFrame } from './raw-device.js';

export interface StormAttack {
  readonly name: string;
  readonly count: number;
  /** Which server meets it: one that asks nobody for a key, or one with keys and TLS. */
  readonly door: 'open' | 'guarded';
  readonly run: (port: number, count: number) => Promise<void>;
}

export const attacks: readonly StormAttack[] = [
  { name: 'slow headers', count: 300, door: 'open', run: slowHeaders },
  { name: 'slow upgrades', count: 300, door: 'open', run: slowUpgrades },
  { name: 'slow bodies', count: 300, door: 'open', run: slowBodies },
  { name: 'connections without a word', count: 300, door: 'open', run: silent },
  { name: 'half-open connections', count: 300, door: 'open', run: halfOpen },
  { name: 'floods of headers', count: 100, door: 'open', run: headerFlood },
  { name: 'upgrades without a greeting', count: 300, door: 'open', run: ungreeted },
  { name: 'greeted, then silent', count: 300, door: 'open', run: fallenSilent },
  { name: 'reconnections that open and vanish', count: 500, door: 'open', run: vanishing },
  { name: 'opens on one connection', count: 5_000, door: 'open', run: openFlood },
  { name: 'messages of 16 MiB', count: 20, door: 'open', run: giants },
  { name: 'messages without an end', count: 100, door: 'open', run: endless },
  { name: 'bodies without an end', count: 128, door: 'open', run: giantBodies },
  { name: 'readers of HTTP that do not read', count: 32, door: 'open', run: unreadHttp },
  { name: 'devices that do not read', count: 16, door: 'open', run: unreadFrames },
  { name: 'handshakes of TLS without an end', count: 300, door: 'guarded', run: slowHandshakes },
  { name: 'nonsense for a handshake', count: 300, door: 'guarded', run: nonsense },
  { name: 'wrong keys', count: 200, door: 'guarded', run: wrongKeys },
];

/** Longer than the server waits for anybody. */
const patienceMs = 45_000;
const trickleMs = 200;

const rawSocket = (port: number): Socket =>
  connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Waits until the server has ended them all. @param trickle sent by each, again and again. */
async function untilCut(sockets: readonly Socket[], trickle = ''): Promise<void> {
  const closed = new Set<Socket>();
  for (const socket of sockets) {
    // What a server ends is closed at once where somebody reads the end.
    socket.resume().on('end', () => socket.destroy());
    socket.on('close', () => closed.add(socket));
  }
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    const open = sockets.filter((socket) => !socket.destroyed && !closed.has(socket));
    if (open.length === 0) return;
    if (performance.now() > untilMs) {
      for (const socket of open) socket.destroy();
      assert(false, `the server holds ${open.length} connections after ${patienceMs} ms`);
    }
    await sleep(trickleMs);
    if (trickle !== '') for (const socket of open) socket.write(trickle);
  }
}

function slowHeaders(port: number, count: number): Promise<void> {
  return slowly(port, count, 'GET /stats HTTP/1.1\r\nHost: localhost\r\nX-A: ');
}

function slowUpgrades(port: number, count: number): Promise<void> {
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  return slowly(port, count, `GET / HTTP/1.1\r\nHost: localhost\r\n${upgrade}Sec-WebSocket-Key: `);
}

const postHead = (length: number): string =>
  'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
  `Content-Length: ${length}\r\n\r\n`;

function slowBodies(port: number, count: number): Promise<void> {
  return slowly(port, count, `${postHead(10_000)}{"model":"`);
}

/** A beginning, and then a letter now and then. */
function slowly(port: number, count: number, beginning: string): Promise<void> {
  const sockets = many(count, () => rawSocket(port));
  for (const socket of sockets) socket.write(beginning);
  return untilCut(sockets, 'a');
}

function silent(port: number, count: number): Promise<void> {
  return untilCut(many(count, () => rawSocket(port)));
}

/** They have said all that they will, and hold their half open. */
function halfOpen(port: number, count: number): Promise<void> {
  const sockets = many(count, () => rawSocket(port));
  for (const [index, socket] of sockets.entries()) {
    socket.end(index % 2 === 0 ? 'GET /stats HTTP/1.1\r\nHost:' : `${postHead(100)}{"mod`);
  }
  return untilCut(sockets);
}

function headerFlood(port: number, count: number): Promise<void> {
  const sockets = many(count, () => rawSocket(port));
  const headers = many(20_000, (index) => `X-${index}: ${'a'.repeat(20)}\r\n`).join('');
  for (const socket of sockets)
    socket.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\n${headers}`);
  return untilCut(sockets);
}

/** Resolves once all are closed, by whomever. */
async function untilClosed(sockets: readonly (WebSocket | null)[]): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  const open = (): number => sockets.filter((socket) => (socket?.readyState ?? 3) < 3).length;
  while (open() > 0) {
    assert(performance.now() < untilMs, `the server holds ${open()} devices`);
    await sleep(trickleMs);
  }
}

async function ungreeted(port: number, count: number): Promise<void> {
  await untilClosed(await Promise.all(many(count, () => openSocket(port))));
}

/** Greeted, with a session, and then not a word. */
async function fallenSilent(port: number, count: number): Promise<void> {
  const sockets = await Promise.all(many(count, () => openSocket(port)));
  for (const socket of sockets) {
    socket?.send(helloFrame());
    socket?.send(rawOpenFrame(0));
  }
  await untilClosed(sockets);
}

async function vanishing(port: number, count: number): Promise<void> {
  for (let done = 0; done < count; done += 25) {
    const wave = many(Math.min(25, count - done), async () => {
      const socket = await openSocket(port);
      socket?.send(helloFrame());
      socket?.send(rawOpenFrame(0));
      await sleep(20);
      socket?.terminate();
    });
    await Promise.all(wave);
  }
}

async function openFlood(port: number, count: number): Promise<void> {
  const socket = await openSocket(port);
  socket?.send(helloFrame());
  for (let session = 0; session < count; session++) socket?.send(rawOpenFrame(session));
  await sleep(1_000);
  socket?.terminate();
}

async function giants(port: number, count: number): Promise<void> {
  const giant = new Uint8Array(2 * limits.frameBytes.value);
  for (let index = 0; index < count; index++) {
    const socket = await openSocket(port);
    // Every second one is no stranger: it may send frames, though none so long.
    if (index % 2 === 0) socket?.send(helloFrame());
    socket?.send(giant);
    await sleep(100);
    socket?.terminate();
  }
}

/** A part of a message that never ends, nearly as long as one may be: together more than the server holds for all. */
async function endless(port: number, count: number): Promise<void> {
  const part = new Uint8Array(limits.frameBytes.value - 1024);
  const sockets = await Promise.all(many(count, () => openSocket(port)));
  for (const socket of sockets) {
    socket?.send(helloFrame());
    await sleep(20);
    socket?.send(part, { fin: false, binary: true });
  }
  await sleep(2_000);
  for (const socket of sockets) socket?.terminate();
}

const bodyBytes = 8 * 2 ** 20 - 1024;

/** All but the end of the longest body: together more than the server holds for all. */
async function giantBodies(port: number, count: number): Promise<void> {
  const sockets = many(count, () => rawSocket(port));
  const part = Buffer.alloc(bodyBytes - 1, 0x20);
  for (const socket of sockets) {
    socket.write(postHead(bodyBytes));
    socket.write(part);
    await sleep(20);
  }
  await untilCut(sockets);
}

/** As much text as an answer can have, and nobody who reads it. */
async function unreadHttp(port: number, count: number): Promise<void> {
  const sockets = many(count, () => rawSocket(port).pause());
  const body = JSON.stringify({
    ...{ model: 'toy', prompt: [0, 3, 5], n: 16, max_tokens: 300, logprobs: 15, stream: true },
    logit_bias: { 1: -100 },
  });
  for (const socket of sockets) socket.write(postHead(body.length) + body);
  await sleep(10_000);
  for (const socket of sockets) socket.destroy();
}

async function unreadFrames(port: number, count: number): Promise<void> {
  const sockets = await Promise.all(many(count, () => openSocket(port)));
  for (const socket of sockets) {
    socket?.send(helloFrame());
    await sleep(20);
    socket?.pause();
    for (let session = 0; session < 64; session++) {
      socket?.send(rawOpenFrame(session, { topLogprobs: 15 }));
    }
  }
  await sleep(10_000);
  for (const socket of sockets) socket?.terminate();
}

/** The first bytes of a greeting of TLS 1.3: a record of 512 bytes is announced, three come. */
const halfHandshake = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]);

function slowHandshakes(port: number, count: number): Promise<void> {
  const sockets = many(count, () => rawSocket(port));
  for (const socket of sockets) socket.write(halfHandshake);
  return untilCut(sockets);
}

function nonsense(port: number, count: number): Promise<void> {
  const sockets = many(count, () => rawSocket(port));
  for (const socket of sockets) socket.write('GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return untilCut(sockets);
}

/** Over TLS, on the upgrade and on HTTP. */
async function wrongKeys(port: number, count: number): Promise<void> {
  const key = `pf_${'0'.repeat(12)}_${'a'.repeat(43)}`;
  for (let done = 0; done < count; done += 20) {
    const wave = many(Math.min(20, count - done), async (index) => {
      if (index % 2 === 0) {
        const socket = await openSocket(port, { key, overTls: true });
        assert(socket === null, 'a wrong key was let in');
        return;
      }
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
      socket.on('error', () => undefined);
      socket.write(
        `GET /stats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`,
      );
      await untilCut([socket]);
    });
    await Promise.all(wave);
  }
}
