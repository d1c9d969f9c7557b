// Does to a server what no honest client does. Each attack returns when it is over: those that wait
// do so until the server has cut them off, for that is what it promises.

import { connect as connectSocket, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { WebSocket } from 'ws';
import { assert } from '../../src/base/assert.js';
import { limits } from '../../src/protocol/limits.js';
import { helloFrame, openSocket, rawOpenFrame } from './raw-device.js';

type RunAttack = (port: number, count: number) => Promise<void>;

export interface StormAttack {
  readonly name: string;
  readonly count: number;
  /** Which server meets it: one that asks for no key, or one with keys and TLS. */
  readonly door: 'open' | 'guarded';
  readonly run: RunAttack;
}

/** Longer than the server waits for any client. */
const graceMs = 45_000;
const trickleMs = 200;

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const rawSocket = (port: number): Socket =>
  connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);

/** Waits until the server has ended them all. @param trickle sent by each, again and again. */
async function untilCut(sockets: readonly Socket[], trickle = ''): Promise<void> {
  const closed = new Set<Socket>();
  for (const socket of sockets) {
    // What a server ends is closed at once where somebody reads the end.
    socket.resume().on('end', () => socket.destroy());
    socket.on('close', () => closed.add(socket));
  }
  const untilMs = performance.now() + graceMs;
  for (;;) {
    const open = sockets.filter((socket) => !socket.destroyed && !closed.has(socket));
    if (open.length === 0) return;
    if (performance.now() > untilMs) {
      for (const socket of open) socket.destroy();
      assert(false, `the server holds ${open.length} connections after ${graceMs} ms`);
    }
    await sleep(trickleMs);
    if (trickle !== '') for (const socket of open) socket.write(trickle);
  }
}

/** Connections that begin so, and go on with a letter now and then or not at all. */
const begun =
  (beginning: string | Buffer, trickle = ''): RunAttack =>
  (port, count) => {
    const sockets = many(count, () => rawSocket(port));
    if (beginning.length > 0) for (const socket of sockets) socket.write(beginning);
    return untilCut(sockets, trickle);
  };

type Sockets = readonly (WebSocket | null)[];

/** Devices that do one thing each, one after another, and then wait together. */
const devices =
  (act: (socket: WebSocket) => unknown, rest: (sockets: Sockets) => Promise<void>): RunAttack =>
  async (port, count) => {
    const sockets = await Promise.all(many(count, () => openSocket(port)));
    for (const socket of sockets) if (socket !== null) await act(socket);
    await rest(sockets);
  };

/** Resolves once all are closed, by either side. */
async function untilClosed(sockets: Sockets): Promise<void> {
  const untilMs = performance.now() + graceMs;
  const open = (): number => sockets.filter((socket) => (socket?.readyState ?? 3) < 3).length;
  while (open() > 0) {
    assert(performance.now() < untilMs, `the server holds ${open()} devices`);
    await sleep(trickleMs);
  }
}

const forMs =
  (ms: number) =>
  async (sockets: Sockets): Promise<void> => {
    await sleep(ms);
    for (const socket of sockets) socket?.terminate();
  };

/** In waves of so many at once. */
const inWaves =
  (size: number, attack: (port: number, index: number) => Promise<void>): RunAttack =>
  async (port, count) => {
    for (let done = 0; done < count; done += size)
      await Promise.all(many(Math.min(size, count - done), (index) => attack(port, index)));
  };

/** Greets, and opens a session. */
function greet(socket: WebSocket | null): void {
  socket?.send(helloFrame());
  socket?.send(rawOpenFrame(0));
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n`;
const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
const post = (length: number): string =>
  'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
  `Content-Length: ${length}\r\n\r\n`;
const headers = many(20_000, (index) => `X-${index}: ${'a'.repeat(20)}\r\n`).join('');
/** The first bytes of a greeting of TLS 1.3: a record of 512 bytes is announced, three come. */
const halfHandshake = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]);

/** They have said all that they will, and hold their half open. */
const halfOpen: RunAttack = (port, count) => {
  const sockets = many(count, () => rawSocket(port));
  for (const [index, socket] of sockets.entries())
    socket.end(index % 2 === 0 ? 'GET /stats HTTP/1.1\r\nHost:' : `${post(100)}{"mod`);
  return untilCut(sockets);
};

const vanishing = inWaves(25, async (port) => {
  const socket = await openSocket(port);
  greet(socket);
  await sleep(20);
  socket?.terminate();
});

const openFlood: RunAttack = async (port, count) => {
  const socket = await openSocket(port);
  socket?.send(helloFrame());
  for (let session = 0; session < count; session++) socket?.send(rawOpenFrame(session));
  await sleep(1_000);
  socket?.terminate();
};

/** Pictures of 16 MiB for each of 64 sessions, again and again; not a byte of them comes. */
const announcements = devices(async (socket) => {
  socket.send(helloFrame());
  await sleep(20);
  const message = { role: 'user', content: 'a' };
  for (let session = 0; session < 1_000; session++) {
    const pictures = many(2, (index) => ({
      hash: new Uint8Array(32).fill(session + index),
      bytes: limits.pictureBytes.value,
      ...{ message: 0, at: 0, tokens: 0 },
    }));
    const prompt = { kind: 'messages', messages: [message] } as const;
    socket.send(rawOpenFrame(session, { prompt, pictures }));
  }
}, forMs(10_000));

const giants: RunAttack = async (port, count) => {
  const giant = new Uint8Array(2 * limits.frameBytes.value);
  for (let index = 0; index < count; index++) {
    const socket = await openSocket(port);
    // Every second one is greeted: it may send frames, though none so long.
    if (index % 2 === 0) socket?.send(helloFrame());
    socket?.send(giant);
    await sleep(100);
    socket?.terminate();
  }
};

/** A part of a message that never ends: together more than the server holds for all. */
const endless = devices(async (socket) => {
  socket.send(helloFrame());
  await sleep(20);
  socket.send(new Uint8Array(limits.frameBytes.value - 1024), { fin: false, binary: true });
}, forMs(2_000));

const bodyBytes = 8 * 2 ** 20 - 1024;

/** All but the end of the longest body: together more than the server holds for all. */
const giantBodies: RunAttack = async (port, count) => {
  const sockets = many(count, () => rawSocket(port));
  const part = Buffer.alloc(bodyBytes - 1, 0x20);
  for (const socket of sockets) {
    socket.write(post(bodyBytes));
    socket.write(part);
    await sleep(20);
  }
  await untilCut(sockets);
};

/** As much text as an answer can have, and no one who reads it. */
const unreadHttp: RunAttack = async (port, count) => {
  const sockets = many(count, () => rawSocket(port).pause());
  const body = JSON.stringify({
    ...{ model: 'toy', prompt: [0, 3, 5], n: 16, max_tokens: 300, logprobs: 15, stream: true },
    logit_bias: { 1: -100 },
  });
  for (const socket of sockets) socket.write(post(body.length) + body);
  await sleep(10_000);
  for (const socket of sockets) socket.destroy();
};

const unreadFrames = devices(async (socket) => {
  socket.send(helloFrame());
  await sleep(20);
  socket.pause();
  for (let session = 0; session < 64; session++)
    socket.send(rawOpenFrame(session, { topLogprobs: 15 }));
}, forMs(10_000));

/** Over TLS, on the upgrade and on HTTP. */
const wrongKeys = inWaves(20, async (port, index) => {
  const key = `pf_${'0'.repeat(12)}_${'a'.repeat(43)}`;
  if (index % 2 === 0) {
    const socket = await openSocket(port, { key, overTls: true });
    assert(socket === null, 'a wrong key was let in');
    return;
  }
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  socket.write(`${get('/stats')}Authorization: Bearer ${key}\r\n\r\n`);
  await untilCut([socket]);
});

const attacksOn = (
  door: StormAttack['door'],
  all: Readonly<Record<string, readonly [number, RunAttack]>>,
): StormAttack[] => Object.entries(all).map(([name, [count, run]]) => ({ name, count, door, run }));

export const attacks: readonly StormAttack[] = [
  ...attacksOn('open', {
    'slow headers': [300, begun(`${get('/stats')}X-A: `, 'a')],
    'slow upgrades': [300, begun(`${get('/')}${upgrade}Sec-WebSocket-Key: `, 'a')],
    'slow bodies': [300, begun(`${post(10_000)}{"model":"`, 'a')],
    'connections without a word': [300, begun('')],
    'half-open connections': [300, halfOpen],
    'floods of headers': [100, begun(get('/livez') + headers)],
    'upgrades without a greeting': [300, devices(() => undefined, untilClosed)],
    'greeted, then silent': [300, devices(greet, untilClosed)],
    'reconnections that open and vanish': [500, vanishing],
    'opens on one connection': [5_000, openFlood],
    'Opens whose pictures never come': [20, announcements],
    'messages of 16 MiB': [20, giants],
    'messages without an end': [100, endless],
    'bodies without an end': [128, giantBodies],
    'readers of HTTP that do not read': [32, unreadHttp],
    'devices that do not read': [16, unreadFrames],
  }),
  ...attacksOn('guarded', {
    'handshakes of TLS without an end': [300, begun(halfHandshake)],
    'nonsense for a handshake': [300, begun(`${get('/stats')}\r\n`)],
    'wrong keys': [200, wrongKeys],
  }),
];
