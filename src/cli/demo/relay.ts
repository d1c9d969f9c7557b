// Emulates a link: a TCP relay that delays bytes as a link of a given shape would, and can break
// connections. Knows no protocol. Timers are exact to about a millisecond: measure the result.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { carryMs, type LinkShape } from '../../sim/profiles/link-profiles.js';
import { Random } from '../../sim/random.js';

export interface Relay {
  readonly port: number;
  /** For bytes that arrive from now on. */
  shape: LinkShape;
  /** Whether bytes upwards wait where they come in: nothing of a device reaches the server. */
  holdUp(isHeld: boolean): void;
  /** Breaks all connections, as when a device loses its network. New ones can be made. */
  cut(): void;
  close(): Promise<void>;
}

interface Held {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/** Relays loopback connections to `port`; the connecting side sends up. @param seed of jitter. */
export async function startRelay(port: number, shape: LinkShape, seed = 1): Promise<Relay> {
  const sockets = new Set<Socket>();
  const nearSockets = new Set<Socket>();
  const link = { shape };
  let wayCount = 0;
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    nearSockets.add(near);
    near.on('close', () => nearSockets.delete(near));
    for (const [from, to, way] of [
      [near, far, 'upMbps'],
      [far, near, 'downMbps'],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      carry(from, to, dueTimes(link, way, new Random(seed, 'link', wayCount++)));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(link, {
    port: (server.address() as AddressInfo).port,
    holdUp: (isHeld: boolean) => {
      for (const near of nearSockets) isHeld ? near.pause() : near.resume();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => closed(server, sockets),
  });
}

/** When bytes that arrive now come out: after earlier bytes, their transmission and the delay. */
function dueTimes(
  link: { readonly shape: LinkShape },
  way: 'upMbps' | 'downMbps',
  random: Random,
): (byteCount: number) => number {
  let busyUntilMs = 0;
  let lastDueMs = 0;
  return (byteCount) => {
    const { shape } = link;
    busyUntilMs = Math.max(performance.now(), busyUntilMs) + carryMs(byteCount, shape[way]);
    const jitterMs = shape.jitterMs * random.next();
    const stallMs = random.happens(shape.stallShare) ? shape.stallMs : 0;
    lastDueMs = Math.max(lastDueMs, busyUntilMs + shape.roundTripMs / 2 + jitterMs + stallMs);
    return lastDueMs;
  };
}

function carry(from: Socket, to: Socket, dueMsOf: (byteCount: number) => number): void {
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
    held.push({ bytes, dueMs: dueMsOf(bytes.length) });
    if (!isWaiting) release();
  });
}

async function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
