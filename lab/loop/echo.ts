// Does the least that any WebSocket protocol does: answers each message with one of a given size.
// The yardstick of the stack's overhead.

import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { type Child, startChild } from '../../src/cli/demo/child.js';

/** One side of a benchmark, as api-process.ts has them. */
export type BenchSide =
  | { readonly kind: 'echo'; readonly replyBytes: number }
  | { readonly kind: 'stack'; readonly slotCount: number; readonly contextLength: number }
  /** Null: what was read is answered with `body` whole. */
  | { readonly kind: 'bare'; readonly chunks: readonly string[] | null; readonly body: string };
/** Asked for anything, it tells its processor time. */
export type SideProcess = Child<{ readonly port: number }, 'cpu', { readonly cpuMs: number }>;

/** In a process of its own; `ready.port` is where it listens. */
export const startSide = (side: BenchSide): Promise<SideProcess> =>
  startChild(new URL('../api/api-process.js', import.meta.url), side);

/** @returns the port. Lives as long as the process. */
export async function startEchoServer(replyBytes: number): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  const reply = Buffer.alloc(replyBytes, 1);
  server.on('connection', (socket) => {
    socket.on('message', () => socket.send(reply, { binary: true, compress: false }));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

/** Milliseconds for `rounds` round trips over `connections` sockets at once. */
export async function echoRounds(
  port: number,
  connections: number,
  requestBytes: number,
  rounds: number,
): Promise<number> {
  const request = Buffer.alloc(requestBytes, 1);
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const startedMs = performance.now();
  let left = rounds;
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          const send = (): void => {
            if (left-- > 0) socket.send(request, { binary: true, compress: false });
            else resolve();
          };
          socket.on('message', send);
          send();
        }),
    ),
  );
  const ms = performance.now() - startedMs;
  for (const socket of sockets) socket.terminate();
  return ms;
}

function open(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}
