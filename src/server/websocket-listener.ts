// Listens for devices over WebSocket, with binary messages and no compression, and answers `GET
// /stats` and other HTTP on the same port. Refuses connections that are not admitted. Bounded both
// ways. The only file of the server that knows `ws`.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { type AccessDecision, mayReadStats } from '../access/access.js';
import {
  closeGently,
  createGuardedServer,
  type GuardParts,
  refusalStatus,
} from '../access/guarded-server.js';
import { listenOn } from '../access/listen.js';
import type { PacedReader } from '../access/paced-reader.js';
import type { KeyGrant } from '../base/key-grant.js';
import { limits } from '../protocol/limits.js';
import type { TransportEnd } from '../protocol/transport.js';
import { subprotocol } from '../protocol/version.js';
import { FrameCutter } from './frame-cutter.js';
import { MessageBudget } from './message-budget.js';
import { closeTimeoutMs, Peer } from './peer.js';
import { SharedBytes } from './shared-bytes.js';

export interface ListenerHandlers {
  connected(connection: Peer): void;
  /** @param partCount frames of WebSocket that were read for it: parts, and what came before. */
  message(connection: Peer, bytes: Uint8Array, partCount: number): void;
  /** A message is longer than it may be: it was not read, nor will be what follows it. */
  tooLong(connection: Peer, bytesMax: number): void;
  /** Unfinished messages fill their memory and its own is the longest: reading from it stops. */
  overloaded(connection: Peer): void;
  /** Frames that peers leave unread fill their memory, and it leaves most. */
  unread(connection: Peer): void;
  /** The peer has fallen behind with reading, or has caught up. */
  flow(connection: Peer, isClogged: boolean): void;
  /** Called once for each connection, last. */
  disconnected(connection: Peer, end: TransportEnd): void;
  /** The body of `GET /stats`. */
  stats(): unknown;
  /** Answers every other request. */
  readonly request?: RequestListener;
}

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

/** Most parts of one message; each is kept as an object of its own. The types of `ws` lack it. */
const partsOptions = { maxFragments: 1024 };

/**
 * Bytes that an unauthenticated peer may send: a greeting in pieces, with its framing. `ws` gathers
 * the pieces of a message up to the longest frame, from every sender.
 */
const unauthenticatedBytesMax = 2 * limits.helloBytes.value;

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
    ...partsOptions,
    autoPong: false,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  const budgets = {
    unfinished: new MessageBudget(),
    unread: new SharedBytes(limits.unreadBytes.value),
  };
  const http = createGuardedServer({
    ...guard,
    upgradeRules: { path: '/', subprotocol },
    request: (request, response, admission) => respond(request, response, admission, handlers),
    upgrade: (request, carrier, head, { grant }, reader) =>
      sockets.handleUpgrade(request, carrier, head, (socket) => {
        const line = new PeerLine(
          { id: nextId(), grant, socket, carrier, reader },
          budgets,
          handlers,
        );
        line.begin();
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

interface Budgets {
  readonly unfinished: MessageBudget;
  readonly unread: SharedBytes;
}

interface LineParts {
  readonly id: number;
  readonly grant: KeyGrant | null;
  readonly socket: BoundedSocket;
  readonly carrier: Duplex;
  readonly reader: PacedReader;
}

/** Connects a socket, its reader and its peer. */
class PeerLine {
  readonly #parts: LineParts;
  readonly #handlers: ListenerHandlers;
  readonly #peer: Peer;
  readonly #cutter = new FrameCutter();
  /** Counts what comes of an unfinished message. */
  readonly #receive: (bytes: number) => void;
  /** Bytes that came before the greeting was answered; null: it was. */
  #strangeBytes: number | null = 0;

  constructor(parts: LineParts, budgets: Budgets, handlers: ListenerHandlers) {
    const { id, grant, socket, carrier, reader } = parts;
    this.#parts = parts;
    this.#handlers = handlers;
    const peer = new Peer({
      ...{ id, grant, socket, stream: carrier },
      unread: budgets.unread.share(() => handlers.unread(peer)),
      onFlow: handlers.flow,
      onReady: () => reader.go(),
      onWork: (units) => reader.account.spend(units),
    });
    peer.onGreeted = () => {
      this.#strangeBytes = null;
    };
    this.#peer = peer;
    this.#receive = budgets.unfinished.watch(socket, () => {
      reader.drop();
      handlers.overloaded(peer);
    });
  }

  begin(): void {
    const { socket, carrier, reader } = this.#parts;
    const [peer, handlers] = [this.#peer, this.#handlers];
    socket.binaryType = 'nodebuffer';
    socket.onTooLong = () => handlers.tooLong(peer, limits.frameBytes.value);
    socket.on('message', (data: RawData, isBinary: boolean) => {
      // Text is never a frame; the codec refuses the empty message in its place.
      const bytes = isBinary ? (data as Buffer) : new Uint8Array(0);
      handlers.message(peer, bytes, this.#cutter.takeCount());
    });
    socket.on('ping', (data: Buffer) => peer.pong(data));
    socket.on('close', (code, reason) =>
      handlers.disconnected(peer, { code, reason: reason.toString() }),
    );
    // It says why by itself; a close follows, at the latest then.
    socket.on('error', () => {
      reader.drop();
      setTimeout(() => socket.terminate(), closeTimeoutMs).unref();
    });
    // The listener of `ws`: the reader gives it frame after frame, as it did with that of node.
    const parsers = carrier.listeners('data').filter((one) => !reader.isListener(one));
    for (const parser of parsers) carrier.off('data', parser as () => void);
    reader.handTo({
      cutter: this.#cutter,
      isReady: () => peer.isReady,
      take: (piece) => this.#take(piece, parsers as ((piece: Buffer) => void)[]),
    });
    handlers.connected(peer);
  }

  #take(piece: Buffer, parsers: readonly ((this: Duplex, piece: Buffer) => void)[]): void {
    const { carrier, reader } = this.#parts;
    if (this.#strangeBytes !== null) {
      this.#strangeBytes += piece.length;
      if (this.#strangeBytes > unauthenticatedBytesMax) {
        reader.drop();
        this.#handlers.tooLong(this.#peer, limits.helloBytes.value);
        return;
      }
    }
    this.#receive(piece.length);
    for (const parser of parsers) parser.call(carrier, piece);
  }
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
