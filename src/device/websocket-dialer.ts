// One WebSocket as a transport: binary messages only, no compression, bounded in both directions. The only file of the
// device that knows `ws`.

import { type RawData, WebSocket } from 'ws';
import { limits } from '../protocol/limits.js';
import {
  closeLost,
  closeReasonBytesMax,
  type Transport,
  type TransportListener,
} from '../protocol/transport.js';
import { subprotocol } from '../protocol/version.js';

/**
 * Opens a connection.
 *
 * @param url ws: or wss:. @param timeoutMs for the handshake.
 * @throws Error of the socket, with what the system says.
 */
export function dialWebSocket(url: string, timeoutMs: number): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [subprotocol], {
      perMessageDeflate: false,
      maxPayload: limits.frameBytes.value,
      handshakeTimeout: timeoutMs,
    });
    socket.binaryType = 'nodebuffer';
    socket.once('error', reject);
    socket.once('open', () => {
      socket.off('error', reject);
      resolve(new WebSocketTransport(socket));
    });
  });
}

class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  #listener: TransportListener | null = null;
  #waiting: Uint8Array[] = [];
  #end: { code: number; reason: string } | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: RawData, isBinary: boolean) => this.#onMessage(data, isBinary));
    socket.on('close', (code, reason) => this.#onClose(code, reason.toString()));
    // A close with code 1006 follows every error.
    socket.on('error', () => undefined);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (!isBinary) {
      this.close(1003, 'text is not spoken here');
      return;
    }
    const bytes = data as Buffer;
    if (this.#listener === null) this.#waiting.push(bytes);
    else this.#listener.message(bytes);
  }

  #onClose(code: number, reason: string): void {
    // 1005: the peer closed without a code.
    this.#end = { code: code === 1005 ? closeLost : code, reason };
    this.#listener?.closed(this.#end);
  }

  listen(listener: TransportListener): void {
    queueMicrotask(() => {
      this.#listener = listener;
      for (const bytes of this.#waiting.splice(0)) listener.message(bytes);
      if (this.#end !== null) listener.closed(this.#end);
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  close(code: number, reason: string): void {
    const text = Buffer.from(reason).subarray(0, closeReasonBytesMax).toString();
    if (this.#socket.readyState <= WebSocket.OPEN) this.#socket.close(code, text);
  }
}
