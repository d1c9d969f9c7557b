// Floods a server with cheap messages over raw sockets, as fast as it takes them. Runs in a process
// of its own (flood-process.ts), so that it does not slow the device beside it.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { encodeFrame } from '../../src/protocol/codec.js';
import type { Draft } from '../../src/protocol/frame.js';
import { helloFrame, rawOpenFrame } from './raw-device.js';

export const floodKinds = [
  'pings',
  'unread pings',
  'unread cancels',
  'cancels',
  'drafts',
  'opens',
  'resumes',
  'tails',
  'picture parts',
  'picture crumbs',
  'unread requests',
  'fragments',
  'control frames',
  'refused requests',
  'refused upgrades',
  'liveness requests',
  'cheap requests',
  'connections',
  'handshakes',
] as const;
export type FloodKind = (typeof floodKinds)[number];

/** What a process that floods is told. */
export interface FloodSpec {
  readonly kind: FloodKind;
  readonly port: number;
  /** Null: it shows none. */
  readonly token: string | null;
  readonly isTls: boolean;
  readonly connectionCount: number;
  readonly ms: number;
}

/** Writes go in pieces of about this length. */
const pieceBytes = 64 * 1024;
const strangePieces = 6;

/** A client's WebSocket frame; its mask is zero, which is legal and changes nothing. */
function frameOf(payload: Uint8Array, first = 0x82): Buffer {
  const head =
    payload.length < 126
      ? [first, 0x80 | payload.length]
      : [first, 0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(4), payload]);
}

const repeated = (unit: Buffer): Buffer =>
  Buffer.concat(Array<Buffer>(Math.ceil(pieceBytes / unit.length)).fill(unit));

const always = (unit: Buffer) => {
  const piece = repeated(unit);
  return () => piece;
};

/** Ids of four bytes; this one is found again in what it was written to. */
const sampleId = 0x0abc_def;
const idBytes = (id: number): Buffer =>
  Buffer.from(
    [id, id >> 7, id >> 14, id >> 21].map((bits, at) => (bits & 0x7f) | (at < 3 ? 128 : 0)),
  );

/**
 * Frames with the next id each time. Ids are written over: encoding them anew would take more of
 * the machine than the server does to read them.
 */
const rising = (unitOf: (session: number) => Buffer) => (): (() => Buffer) => {
  const unit = unitOf(sampleId);
  const places: number[] = [];
  for (let at = unit.indexOf(idBytes(sampleId)); at >= 0; ) {
    places.push(at);
    at = unit.indexOf(idBytes(sampleId), at + 4);
  }
  const piece = repeated(unit);
  let session = sampleId;
  return () => {
    for (let from = 0; from < piece.length; from += unit.length, session++) {
      for (const at of places) idBytes(session).copy(piece, from + at);
    }
    return Buffer.from(piece);
  };
};

/** Sessions that are opened and closed at once. */
const opens = rising((session) =>
  Buffer.concat(
    [rawOpenFrame(session), encodeFrame({ kind: 'close', session })].map((frame) => frameOf(frame)),
  ),
);

/** One picture after another, in parts: each is whole, and none is what its Open has announced. */
const pictures = (bytes: number, partBytes: number) =>
  rising((session) => {
    const prompt = { kind: 'messages', messages: [{ role: 'user', content: 'a' }] } as const;
    const picture = { hash: new Uint8Array(32), bytes, message: 0, at: 0, tokens: 0 };
    const told = { prompt, pictures: [picture], picturesFollow: true };
    const frames = [frameOf(rawOpenFrame(session, told))];
    for (let offset = 0; offset < bytes; offset += partBytes) {
      const data = new Uint8Array(partBytes);
      frames.push(frameOf(encodeFrame({ kind: 'picture-part', session, index: 0, offset, data })));
    }
    frames.push(frameOf(encodeFrame({ kind: 'close', session })));
    return Buffer.concat(frames);
  });

/** Sessions that never were. */
const resumes = rising((session) => {
  const old = { resumeKey: new Uint8Array(16), committedLength: 1, logHash: 1n };
  return frameOf(encodeFrame({ kind: 'resume', session, ...old }));
});

const one = Buffer.alloc(1);
/** Right the first time, and old ever after. */
const draft: Draft = {
  ...{ kind: 'draft', session: 0, epoch: 0, from: 200, ids: Int32Array.of(2) },
  ...{ probs: null, laws: null, residual: null, more: false, chances: null },
};
const lines = (...all: string[]): Buffer => Buffer.from(`${all.join('\r\n')}\r\n\r\n`);
const upgradeLines = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
const nonceLine = `Sec-WebSocket-Key: ${Buffer.alloc(16, 1).toString('base64')}`;

/** What is written again and again, after a greeting for those that speak the protocol. */
const streams: Readonly<Record<FloodKind, (token: string | null) => () => Buffer>> = {
  pings: () => always(frameOf(encodeFrame({ kind: 'ping', nonce: 300, isCover: false }))),
  'unread pings': () => always(frameOf(encodeFrame({ kind: 'ping', nonce: 300, isCover: false }))),
  'unread cancels': () => always(frameOf(encodeFrame({ kind: 'cancel', session: 9 }))),
  cancels: () => always(frameOf(encodeFrame({ kind: 'cancel', session: 9 }))),
  drafts: () => always(frameOf(encodeFrame(draft))),
  opens,
  resumes,
  'picture parts': pictures(2 ** 18, 2 ** 14),
  'picture crumbs': pictures(2 ** 10, 1),
  tails: () => always(frameOf(encodeFrame({ kind: 'tail-request', session: 0, position: 201 }))),
  'unread requests': (token) =>
    always(lines('GET /v1/models HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${token}`)),
  fragments: () => always(frameOf(one, 0)),
  'control frames': () => always(frameOf(one, 0x89)),
  'refused requests': () => always(lines('GET / HTTP/1.1', 'Host: localhost')),
  'refused upgrades': () => always(lines('GET / HTTP/1.1', 'Host: localhost', ...upgradeLines)),
  'liveness requests': () => always(lines('GET /livez HTTP/1.1', 'Host: localhost')),
  'cheap requests': (token) =>
    always(lines('GET /v1/none HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${token}`)),
  connections: () => always(one),
  handshakes: () => always(one),
};

/** How much one connection sends: a stranger, ten thousand requests; it hardly gets further. */
const piecesOf = (kind: FloodKind, token: string | null): number =>
  kind === 'connections' || kind === 'handshakes' ? 0 : token === null ? strangePieces : Infinity;

const isHttp = (kind: FloodKind): boolean => /requests|upgrades/.test(kind);

/** The server's certificate is its own, and no secret is sent. Each handshake is a whole one. */
function dial({ port, isTls }: FloodSpec): Socket {
  const to = { port, host: '127.0.0.1' };
  const socket = isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
  return socket.on('error', () => undefined);
}

/** @returns null where the server does not end the handshake. */
async function shaken(spec: FloodSpec): Promise<Socket | null> {
  const socket = dial(spec);
  if (!(socket instanceof TLSSocket)) return socket;
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]).catch(() => undefined);
  if (!socket.destroyed) return socket;
  return null;
}

/** A connection that has upgraded and greeted, or null where it is refused. */
async function greeted(spec: FloodSpec): Promise<Socket | null> {
  const { token } = spec;
  const socket = dial(spec);
  const key = token === null ? [] : [`Authorization: Bearer ${token}`];
  const offer = 'Sec-WebSocket-Protocol: pilotfish';
  socket.write(
    lines('GET / HTTP/1.1', 'Host: localhost', ...upgradeLines, nonceLine, offer, ...key),
  );
  // Reset: the server has enough of this one.
  const [answer] = (await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => [
    '',
  ])) as [unknown];
  if (!String(answer).startsWith('HTTP/1.1 101')) {
    socket.destroy();
    return null;
  }
  socket.write(frameOf(helloFrame()));
  return socket;
}

function begin(kind: FloodKind, socket: Socket): void {
  const sampled = { mode: 'stop-and-wait', tokensMax: 40 } as const;
  if (['drafts', 'tails'].includes(kind)) socket.write(frameOf(rawOpenFrame(0, sampled)));
  if (kind === 'fragments') socket.write(frameOf(one, 2));
  if (kind.startsWith('unread')) socket.pause();
  else socket.resume();
}

export interface FloodResult {
  /** Taken by the system for the server. */
  readonly sentBytes: number;
  /** Connections that the server has let in. */
  readonly connectionCount: number;
}

function opened(spec: FloodSpec): Promise<Socket | null> | Socket {
  if (spec.kind === 'handshakes') return shaken(spec);
  return isHttp(spec.kind) ? dial(spec) : greeted(spec);
}

/** Floods for as long as it is told. Connections that the server ends are opened again. */
export async function flood(spec: FloodSpec): Promise<FloodResult> {
  const untilMs = performance.now() + spec.ms;
  const total = { sentBytes: 0, connectionCount: 0 };
  const isOver = (): boolean => performance.now() > untilMs;
  const one = async (): Promise<void> => {
    while (!isOver()) {
      const socket = await opened(spec);
      if (socket === null) await new Promise((resolve) => setTimeout(resolve, 10));
      else {
        total.connectionCount++;
        await pump(socket, spec, untilMs);
        total.sentBytes += socket.bytesWritten;
      }
    }
  };
  await Promise.all(Array.from({ length: spec.connectionCount }, one));
  return total;
}

async function pump(socket: Socket, { kind, token }: FloodSpec, untilMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const next = streams[kind](token);
  begin(kind, socket);
  // A reset: what the system still holds for the server is not read any more.
  const reset = (): Socket =>
    socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy();
  if (kind === 'handshakes') reset();
  const end = setTimeout(reset, untilMs - performance.now());
  const keepAlive = setInterval(() => {
    if (kind === 'connections')
      socket.write(frameOf(encodeFrame({ kind: 'ping', nonce: 1, isCover: true })));
  }, 1_000);
  let left = piecesOf(kind, token);
  while (left-- > 0 && !socket.destroyed) {
    if (socket.write(next())) await new Promise((resolve) => setImmediate(resolve));
    else await Promise.race([once(socket, 'drain').catch(() => undefined), closed]);
  }
  await closed;
  clearTimeout(end);
  clearInterval(keepAlive);
}
