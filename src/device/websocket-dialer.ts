// Dials a WebSocket as a transport: binary messages only, no compression, bounded both ways. Sends
// the key with the upgrade, and never in clear to another machine unless told to. The only file of
// the device that imports `ws`.

import type { IncomingMessage } from 'node:http';
import { type RawData, WebSocket } from 'ws';
import { PilotfishError } from '../base/error.js';
import { cutText } from '../base/utf8.js';
import { wireFault } from '../protocol/code.js';
import { encodeFrame } from '../protocol/codec.js';
import { closeFor, failureFrame } from '../protocol/failure.js';
import { limits } from '../protocol/limits.js';
import {
  closeLost,
  closeReasonBytesMax,
  type Transport,
  type TransportListener,
} from '../protocol/transport.js';
import { subprotocol } from '../protocol/version.js';

/** How long a peer may take to answer a close. */
const closeTimeoutMs = 1_000;

/** Certificates that a device trusts and presents. PEM. */
export interface DeviceTls {
  /** Signs the server's certificate. Default: those that Node comes with. */
  readonly ca?: string | Buffer;
  /** The device's own certificate and key, where the server asks for one. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface WebSocketDialOptions {
  /** For the handshake. */
  readonly timeoutMs: number;
  /** Absent: none is shown. */
  readonly key?: string;
  readonly tls?: DeviceTls;
  /** Shows the key over ws: to other machines as well. */
  readonly insecureKeyInClear?: boolean;
}

const isOwnHost = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);

/** Refuses to show a key where others could read it. @throws PilotfishError `usage`. */
export function checkKeyInClear(
  url: string,
  { key, insecureKeyInClear }: Pick<WebSocketDialOptions, 'key' | 'insecureKeyInClear'>,
): void {
  const { protocol, hostname, host } = new URL(url);
  if (key === undefined || insecureKeyInClear || protocol === 'wss:' || isOwnHost(hostname)) return;
  throw new PilotfishError(
    'usage',
    `the key would go to ${host} in clear; use wss://${host} or insecureKeyInClear`,
  );
}

/** Refuses an alternative without TLS where the first address had it. @throws as above. */
export function checkAlternative(url: string, alternative: string): void {
  const { protocol, hostname } = new URL(alternative);
  if (new URL(url).protocol !== 'wss:' || protocol === 'wss:' || isOwnHost(hostname)) return;
  throw new PilotfishError('usage', 'the server named an alternative address without TLS');
}

/**
 * Opens a connection. A key that is refused with the upgrade comes as the Failure that says so.
 *
 * @param url ws: or wss:. @param signal aborts when the link is no longer wanted.
 * @throws Error of the socket, with what the system says; PilotfishError as checkKeyInClear.
 */
export async function dialWebSocket(
  url: string,
  options: WebSocketDialOptions,
  signal: AbortSignal,
): Promise<Transport> {
  checkKeyInClear(url, options);
  return open(url, options, signal);
}

function open(
  url: string,
  { timeoutMs, key, tls }: WebSocketDialOptions,
  signal: AbortSignal,
): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [subprotocol], {
      perMessageDeflate: false,
      maxPayload: limits.frameBytes.value,
      handshakeTimeout: timeoutMs,
      ...(key !== undefined && { headers: { authorization: `Bearer ${key}` } }),
      ...tls,
    });
    socket.binaryType = 'nodebuffer';
    // A socket that is terminated before it opens reports an error, like any failed dial.
    const stop = (): void => socket.terminate();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', stop));
    socket.once('error', reject);
    socket.once('unexpected-response', (request, { statusCode }: IncomingMessage) => {
      signal.removeEventListener('abort', stop);
      request.destroy();
      if (statusCode === unauthorized) resolve(new RefusedTransport());
      else reject(new Error(`Unexpected server response: ${statusCode}`));
    });
    socket.once('open', () => {
      signal.removeEventListener('abort', stop);
      socket.off('error', reject);
      resolve(new WebSocketTransport(socket));
    });
  });
}

const unauthorized = 401;

/** Stands for a connection refused because of its key: reports the failure and ends. */
class RefusedTransport implements Transport {
  readonly bufferedBytes = 0;

  listen(listener: TransportListener): void {
    const message = 'the server does not know the key, or none was given';
    const failure = failureFrame(wireFault('key-refused', message, null), 0);
    queueMicrotask(() => {
      listener.message(encodeFrame(failure));
      listener.closed(closeFor('key-refused'));
    });
  }

  send(): void {}

  close(): void {}
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
