// Listens for the device under test: WebSocket, binary messages, no keys, this machine only. Does
// none of what a real server does for its safety.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { limits } from '../../protocol/limits.js';
import { subprotocol } from '../../protocol/version.js';

/** A connection of the device. */
export interface ScriptedPeer {
  send(bytes: Uint8Array): void;
  close(code: number): void;
  /** Ends it as a lost link does. */
  cut(): void;
}

export interface ScriptedHandlers {
  connected(peer: ScriptedPeer): void;
  message(peer: ScriptedPeer, bytes: Uint8Array): void;
  disconnected(peer: ScriptedPeer): void;
}

export interface ScriptedListening {
  readonly address: string;
  close(): void;
}

/** @param port 0: a free one. */
export async function listenScripted(
  port: number,
  handlers: ScriptedHandlers,
): Promise<ScriptedListening> {
  const sockets = new WebSocketServer({
    ...{ port, host: '127.0.0.1', maxPayload: limits.frameBytes.value, perMessageDeflate: false },
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  await once(sockets, 'listening');
  sockets.on('connection', (socket) => {
    socket.binaryType = 'nodebuffer';
    const peer: ScriptedPeer = {
      send: (bytes) => socket.send(bytes),
      close: (code) => socket.close(code),
      cut: () => socket.terminate(),
    };
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => handlers.message(peer, data));
    socket.on('close', () => handlers.disconnected(peer));
    handlers.connected(peer);
  });
  return {
    address: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}
