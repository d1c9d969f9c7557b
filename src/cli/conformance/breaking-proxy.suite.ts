// Stands between a device and a server and breaks what one of them says, frame by frame: a peer
// with one known fault, made of a peer without.

import { dialWebSocket } from '../../device/websocket-dialer.js';
import { decodeDeviceFrame, decodeServerFrame, frameShapes } from '../../protocol/codec.js';
import type { DeviceFrame, ServerFrame } from '../../protocol/frame.js';
import type { Transport } from '../../protocol/transport.js';
import { wireTypes } from '../../protocol/wire-reader.js';
import { WireWriter } from '../../protocol/wire-writer.js';
import { listenScripted, type ScriptedListening, type ScriptedPeer } from './scripted-listener.js';

/** What is passed on in place of a frame; null: nothing. */
export interface Fault {
  up?(frame: DeviceFrame): DeviceFrame | null;
  down?(frame: ServerFrame): ServerFrame | null;
  /** Close code of the server, as passed on. */
  readonly closeCode?: (code: number) => number;
}

const writer = new WireWriter();

/** Bytes of a frame of either end. */
function bytesOf(frame: DeviceFrame | ServerFrame): Uint8Array {
  const { number, message } = frameShapes[frame.kind];
  return writer.collect(() => {
    writer.tag(number, wireTypes.bytes);
    writer.delimited(() => message.write(writer, frame));
  });
}

/**
 * @param server its address, or that for the next connection.
 * @param faultOf a fault for each connection: it may remember what it has seen.
 */
export async function breakingProxy(
  server: string | (() => string),
  faultOf: () => Fault,
): Promise<ScriptedListening> {
  const lines = new Map<ScriptedPeer, Line>();
  return listenScripted(0, {
    connected: (peer) => {
      const url = typeof server === 'string' ? server : server();
      lines.set(peer, new Line(peer, url, faultOf()));
    },
    message: (peer, bytes) => lines.get(peer)!.up(bytes),
    disconnected: (peer) => lines.get(peer)!.leave(),
  });
}

class Line {
  readonly #peer: ScriptedPeer;
  readonly #fault: Fault;
  readonly #server: Promise<Transport>;

  constructor(peer: ScriptedPeer, url: string, fault: Fault) {
    this.#peer = peer;
    this.#fault = fault;
    this.#server = dialWebSocket(url, { timeoutMs: 5000 }, new AbortController().signal);
    this.#server.then(
      (transport) =>
        transport.listen({
          message: (bytes) => this.#down(bytes),
          closed: ({ code }) => this.#close(code),
        }),
      () => peer.cut(),
    );
  }

  #close(code: number): void {
    const told = this.#fault.closeCode?.(code) ?? code;
    if (told === 1006) this.#peer.cut();
    else this.#peer.close(told);
  }

  /** What is no frame is passed on unchanged. */
  up(bytes: Uint8Array): void {
    const decoded = decodeDeviceFrame(bytes);
    const { up } = this.#fault;
    if ('fault' in decoded || up === undefined) {
      void this.#server.then((transport) => transport.send(bytes));
      return;
    }
    const told = up(decoded.ok);
    if (told !== null) void this.#server.then((transport) => transport.send(bytesOf(told)));
  }

  #down(bytes: Uint8Array): void {
    const decoded = decodeServerFrame(bytes);
    const { down } = this.#fault;
    if ('fault' in decoded || down === undefined) {
      this.#peer.send(bytes);
      return;
    }
    const told = down(decoded.ok);
    if (told !== null) this.#peer.send(bytesOf(told));
  }

  leave(): void {
    void this.#server.then((transport) => transport.close(1000, '')).catch(() => undefined);
  }
}
