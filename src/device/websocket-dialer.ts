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
import { cutText } from '../protocol/utf8.js';
import { subprotocol } from '../protocol/version.js';

/** How long a peer may take to answer a close. */
const closeTimeoutMs = 1_000;

/**
 * Opens a connection.
 *
 * @param url ws: or wss:. @param timeoutMs for the handshake. @param signal ends a dial that nobody waits for.
 * @throws Error of the socket, with what the system says.
 */
export function dialWebSocket(
  url: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [subprotocol], {
      perMessageDeflate: false,
      maxPayload: limits.frameBytes.value,
      handshakeTimeout: timeoutMs,
    });
    socket.binaryType = 'nodebuffer';
    // Terminated before it is open, it reports an error like any other that did not come about.
    const stop = (): void => socket.terminate();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', stop));
    socket.once('error', reject);
    socket.once('open', () => {
      signal.removeEventListener('abort', stop);
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
    if (this.#socket.readyState > WebSocket.OPEN) return;
    this.#socket.close(code, cutText(reason, closeReasonBytesMax));
    // A peer that does not answer would keep the process from ending.
    setTimeout(() => this.#socket.terminate(), closeTimeoutMs).unref();
  }
}
