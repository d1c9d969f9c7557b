// Listens for devices over WebSocket, with binary messages and no compression, and answers `GET
// /stats` and other HTTP on the same port. Refuses connections that are not admitted. Bounded both
// ways. The only file of the server that knows `ws`.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex, Writable } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { type AccessDecision, mayReadStats } from '../access/access.js';
import {
  closeGently,
  createGuardedServer,
  type GuardParts,
  refusalStatus,
} from '../access/guarded-server.js';
import { listenOn } from '../access/listen.js';
import type { KeyGrant } from '../base/key-grant.js';
import type { WireCode } from '../protocol/code.js';
import { closeFor } from '../protocol/failure.js';
import { limits } from '../protocol/limits.js';
import { closeNormal, type TransportEnd } from '../protocol/transport.js';
import { subprotocol } from '../protocol/version.js';
import { MessageBudget } from './message-budget.js';

export interface ListenerHandlers {
  connected(connection: Peer): void;
  message(connection: Peer, bytes: Uint8Array): void;
  /** A message is longer than it may be: it was not read, nor will be what follows it. */
  tooLong(connection: Peer, bytesMax: number): void;
  /** Unfinished messages fill their memory and its own is the longest: reading from it stops. */
  overloaded(connection: Peer): void;
  /** The peer has fallen behind with reading, or has caught up. */
  flow(connection: Peer, isClogged: boolean): void;
  /** Called once for each connection, last. */
  disconnected(connection: Peer, end: TransportEnd): void;
  /** The body of `GET /stats`. */
  stats(): unknown;
  /** Answers every other request. */
  readonly request?: RequestListener;
}

/** A socket that closes with a code waits this long for its peer before it is cut. */
const closeTimeoutMs = 2_000;

/** Close code of `ws` for a message longer than `maxPayload`. */
const closeTooBig = 1009;

/** Lets us explain a message that is too long; by itself `ws` would close without a reason. */
class BoundedSocket extends WebSocket {
  onTooLong: (() => void) | null = null;

  override close(code?: number, reason?: string): void {
    if (code === closeTooBig && this.onTooLong) this.onTooLong();
    else super.close(code, reason);
  }
}

const sendOptions = { binary: true, compress: false };

/**
 * Bytes that an unauthenticated peer may send: a greeting in pieces, with its framing. `ws` gathers
 * the pieces of a message up to the longest frame, from every sender.
 */
const unauthenticatedBytesMax = 2 * limits.helloBytes.value;

/**
 * What a peer needs of a WebSocket; declared here, because the types of `ws` are not installed with
 * the package.
 */
interface PeerSocket {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  send(bytes: Uint8Array, options: typeof sendOptions): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** One connected device. */
export class Peer {
  readonly id: number;
  /** What its key allows; null: this server asks for no key. */
  readonly grant: KeyGrant | null;
  /** Ends the counting of what an unauthenticated peer sends. */
  onGreeted: () => void = () => undefined;
  readonly #socket: PeerSocket;
  readonly #stream: Writable;
  readonly #onFlow: (peer: Peer, isClogged: boolean) => void;
  #isClogged = false;

  /**
   * @param stream what `socket` writes to. It is full (16 KiB and more) beyond what the system
   *   holds for the peer, which is much more: a peer with so much unread is behind by hundreds of
   *   verdicts.
   * @param onFlow called when what was sent begins to wait for the peer, and when it waits no more.
   */
  constructor(
    { id, grant }: Pick<Peer, 'id' | 'grant'>,
    socket: PeerSocket,
    stream: Writable,
    onFlow: (peer: Peer, isClogged: boolean) => void,
  ) {
    this.id = id;
    this.grant = grant;
    this.#socket = socket;
    this.#stream = stream;
    this.#onFlow = onFlow;
  }

  /**
   * @returns false when the peer has left more unread than it may: the caller closes it with
   *   `too-slow`.
   */
  send(bytes: Uint8Array): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return true;
    this.#socket.send(bytes, sendOptions);
    if (!this.#isClogged && this.#stream.writableNeedDrain) this.#clog();
    return this.#socket.bufferedAmount <= limits.bufferedBytes.value;
  }

  #clog(): void {
    this.#isClogged = true;
    this.#onFlow(this, true);
    this.#stream.once('drain', () => {
      this.#isClogged = false;
      this.#onFlow(this, false);
    });
  }

  /** The peer is authenticated: its messages may be as long as frames. */
  greeted(): void {
    this.onGreeted();
  }

  /**
   * Ends the connection after what was sent; a peer that does not read is cut off.
   *
   * @param code null: all is well.
   */
  close(code: WireCode | null): void {
    const end = code === null ? { code: closeNormal, reason: '' } : closeFor(code);
    this.#socket.close(end.code, end.reason);
    setTimeout(() => this.#socket.terminate(), closeTimeoutMs).unref();
  }
}

export interface ListenAt {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly guard: Pick<GuardParts, 'access' | 'tls' | 'gate'>;
  /** An id for a new connection, never given before. */
  readonly nextId: () => number;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Cuts devices, stops listening, and lets answers over HTTP leave for a moment. */
  close(): Promise<void>;
}

/**
 * Begins to listen.
 *
 * @throws PilotfishError `address-unavailable` where the address cannot be had, naming it and the
 *   reason.
 */
export async function listen(
  { host, port, guard, nextId }: ListenAt,
  handlers: ListenerHandlers,
): Promise<Listening> {
  const sockets = new WebSocketServer({
    noServer: true,
    WebSocket: BoundedSocket,
    maxPayload: limits.frameBytes.value,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  const budget = new MessageBudget();
  const http = createGuardedServer({
    ...guard,
    upgradeRules: { path: '/', subprotocol },
    request: (request, response, admission) => respond(request, response, admission, handlers),
    upgrade: (request, carrier, head, { grant }) =>
      sockets.handleUpgrade(request, carrier, head, (socket) => {
        const peer = new Peer({ id: nextId(), grant }, socket, carrier, handlers.flow);
        watchUnauthenticated(carrier, peer, handlers);
        budget.watch(carrier, socket, () => {
          ignore(carrier);
          handlers.overloaded(peer);
        });
        welcome(socket, peer, handlers);
      }),
  });
  const address = await listenOn(http, host, port);
  return {
    host: address.address,
    port: address.port,
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      return closeGently(http);
    },
  };
}

function welcome(socket: BoundedSocket, peer: Peer, handlers: ListenerHandlers): void {
  socket.binaryType = 'nodebuffer';
  socket.onTooLong = () => handlers.tooLong(peer, limits.frameBytes.value);
  socket.on('message', (data: RawData, isBinary: boolean) => {
    // Text is never a frame; the codec refuses the empty message in its place.
    handlers.message(peer, isBinary ? (data as Buffer) : new Uint8Array(0));
  });
  socket.on('close', (code, reason) =>
    handlers.disconnected(peer, { code, reason: reason.toString() }),
  );
  // A close follows every error.
  socket.on('error', () => undefined);
  handlers.connected(peer);
}

/** Reads no more from an unauthenticated peer that has sent more than any greeting takes. */
function watchUnauthenticated(carrier: Duplex, peer: Peer, handlers: ListenerHandlers): void {
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= unauthenticatedBytesMax) return;
    ignore(carrier);
    handlers.tooLong(peer, limits.helloBytes.value);
  };
  carrier.on('data', onData);
  peer.onGreeted = () => carrier.off('data', onData);
}

/** Reads and drops what still comes: otherwise the refusal would be lost on its way. */
function ignore(carrier: Duplex): void {
  carrier.removeAllListeners('data');
  carrier.resume();
}

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  admission: AccessDecision,
  handlers: ListenerHandlers,
): void {
  const { method, url } = request;
  if (url !== '/stats' && handlers.request !== undefined) {
    handlers.request(request, response);
    return;
  }
  if (admission.kind !== 'admitted') {
    response.writeHead(refusalStatus(admission)).end();
    return;
  }
  const mayLook = mayReadStats(admission, request);
  if (method !== 'GET' || url !== '/stats' || !mayLook) {
    response.writeHead(mayLook ? 404 : 403).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(handlers.stats())}\n`);
}
