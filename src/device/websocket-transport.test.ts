// Checks the contract of transports on the sockets that ship: the device's dialler and the server's
// listener, with a proxy between them that shows whether anything is still under way and can lose
// the connection.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { openAccess } from '../access/access.js';
import {
  closeNormal,
  type Transport,
  type TransportEnd,
  type TransportListener,
} from '../protocol/transport.js';
import { type ConnectedPair, transportSuite } from '../protocol/transport.suite.js';
import type { Peer } from '../server/peer.js';
import { type ListenerHandlers, listen } from '../server/websocket-listener.js';
import { dialWebSocket } from './websocket-dialer.js';

/**
 * Loopback delivers within the call that sends; so many turns without a byte, and nothing is under
 * way.
 */
const quietTurns = 300;

/** Passes bytes on, counts what happens, and resets both sides when told to. */
class CountingProxy {
  happenedCount = 0;
  #sockets: Socket[] = [];
  readonly #server = createServer();

  async listen(port: number): Promise<string> {
    this.#server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1');
      this.#sockets = [near, far];
      this.#pass(near, far);
      this.#pass(far, near);
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #pass(from: Socket, to: Socket): void {
    const count = (): unknown => this.happenedCount++;
    from.on('data', count).on('end', count).on('close', count).on('drain', count);
    from.on('error', () => to.destroy());
    // Otherwise a short message waits for the one before it to be acknowledged, which no count
    // would show.
    from.setNoDelay(true);
    from.pipe(to);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** The listener tells one object of all connections; this is one of them, as a transport. */
class ServerEnd implements Transport {
  /** The listener cuts off a slow reader itself, and so reports nothing. */
  readonly bufferedBytes = 0;
  readonly #peer: Peer;
  #listener: TransportListener | null = null;
  readonly #waiting: ((listener: TransportListener) => void)[] = [];

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  tell(news: (listener: TransportListener) => void): void {
    if (this.#listener === null) this.#waiting.push(news);
    else news(this.#listener);
  }

  listen(listener: TransportListener): void {
    queueMicrotask(() => {
      this.#listener = listener;
      for (const news of this.#waiting.splice(0)) news(listener);
    });
  }

  send(bytes: Uint8Array): void {
    assert.ok(this.#peer.send(bytes), 'a test leaves more unread than a device may');
  }

  close(code: number, reason: string): void {
    assert.deepEqual([code, reason], [closeNormal, ''], 'other ends are given by their code');
    this.#peer.close(null);
  }
}

async function connectedPair(): Promise<ConnectedPair> {
  const ends = new Map<Peer, ServerEnd>();
  let connected: (end: ServerEnd) => void;
  const first = new Promise<ServerEnd>((resolve) => {
    connected = resolve;
  });
  let heardCount = 0;
  const tell = (peer: Peer, news: (listener: TransportListener) => void): void => {
    heardCount++;
    ends.get(peer)!.tell(news);
  };
  const handlers: ListenerHandlers = {
    connected: (peer) => {
      // No server is here to welcome it.
      peer.greeted();
      ends.set(peer, new ServerEnd(peer));
      connected(ends.get(peer)!);
    },
    message: (peer, bytes) => tell(peer, (listener) => listener.message(bytes)),
    disconnected: (peer, end: TransportEnd) => tell(peer, (listener) => listener.closed(end)),
    tooLong: (peer) => assert.fail(`a message of connection ${peer.id} is too long`),
    overloaded: () => undefined,
    unread: () => undefined,
    flow: () => undefined,
    stats: () => null,
  };
  const listening = await listen(
    { host: '127.0.0.1', port: 0, guard: { access: openAccess(), tls: null }, nextId: () => 1 },
    handlers,
  );
  const proxy = new CountingProxy();
  const address = await proxy.listen(listening.port);
  const device = await dialWebSocket(address, { timeoutMs: 10_000 }, new AbortController().signal);
  const server = await first;
  return {
    device,
    server,
    cut: () => proxy.cut(),
    async settle() {
      const sum = (): number => proxy.happenedCount + heardCount + device.bufferedBytes;
      for (let turn = 0, before = sum(); turn < quietTurns; turn++) {
        await setImmediate();
        if (sum() === before && device.bufferedBytes === 0) continue;
        [turn, before] = [0, sum()];
      }
    },
    async dispose() {
      device.close(closeNormal, '');
      proxy.close();
      await listening.close();
    },
  };
}

transportSuite('WebSocket', connectedPair);
