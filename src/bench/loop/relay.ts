// A link that is emulated: a TCP relay that holds every byte back for half a round trip each way, in order. Knows no
// protocol. Timers are good to about a millisecond, so whoever uses it measures the round trip that came out.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Relay {
  readonly port: number;
  /** For bytes that arrive from now on, in milliseconds, >= 0. */
  roundTripMs: number;
  close(): Promise<void>;
}

interface Held {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/** Relays loopback connections to `port` on loopback. */
export async function startRelay(port: number, roundTripMs: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  const link = { roundTripMs };
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      delay(from, to, link);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(link, {
    port: (server.address() as AddressInfo).port,
    close: () => closed(server, sockets),
  });
}

function delay(from: Socket, to: Socket, link: { readonly roundTripMs: number }): void {
  const held: Held[] = [];
  let isWaiting = false;
  const release = (): void => {
    isWaiting = false;
    const nowMs = performance.now();
    while (held[0] !== undefined && held[0].dueMs <= nowMs) to.write(held.shift()!.bytes);
    const next = held[0];
    if (next === undefined) return;
    isWaiting = true;
    setTimeout(release, next.dueMs - nowMs);
  };
  from.on('data', (bytes: Buffer) => {
    held.push({ bytes, dueMs: performance.now() + link.roundTripMs / 2 });
    if (!isWaiting) release();
  });
}

async function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
