// Makes the HTTP or HTTPS server behind the access rules: limits and times out unauthenticated
// connections, and lets through no request or upgrade that was not admitted. Does not listen
// itself.

import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { assert } from '../base/assert.js';
import type { Access, AccessDecision } from './access.js';
import { addressBlock } from './address.js';
import { ConnectionGate, type GateLimits, gateDefaults } from './connection-gate.js';
import { PacedReader } from './paced-reader.js';
import {
  connectionUnits,
  handshakeUnits,
  type PacedAccount,
  ReadPacer,
  requestUnits,
} from './read-pacer.js';
import {
  headFault,
  refusedHead,
  refuseHandshake,
  refuseRequest,
  type UpgradeRules,
  upgradeFault,
} from './request-head.js';
import { RequestLine } from './request-line.js';
import type { TlsFiles } from './tls-files.js';

export interface GuardParts {
  readonly access: Access;
  /** Null: plain. */
  readonly tls: TlsFiles | null;
  readonly gate?: Partial<GateLimits>;
  readonly timeouts?: Partial<ServerTimeouts>;
  /** Handles every request, with its admission; refuses in its own words. */
  readonly request: (
    request: IncomingMessage,
    response: ServerResponse,
    admission: AccessDecision,
  ) => void;
  /** Upgrades that were admitted, with the reader of their socket. Default: none are. */
  readonly upgrade?: (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    admission: Extract<AccessDecision, { kind: 'admitted' }>,
    reader: PacedReader,
  ) => void;
  /** The only upgrade that is taken. Default: any. */
  readonly upgradeRules?: UpgradeRules;
}

/** Milliseconds that an unauthenticated peer may take. */
export interface ServerTimeouts {
  /** For a request to arrive whole. */
  readonly requestMs: number;
  readonly headersMs: number;
  /** Of TLS. */
  readonly handshakeMs: number;
  /** How often late requests are looked for. */
  readonly checkMs: number;
}

const timeoutsDefaults: ServerTimeouts = {
  requestMs: 30_000,
  headersMs: 10_000,
  handshakeMs: 10_000,
  checkMs: 1_000,
};
const headerBytesMax = 16_384;

const optionsOf = ({ requestMs, headersMs, checkMs }: ServerTimeouts): ServerOptions => ({
  requestTimeout: requestMs,
  headersTimeout: headersMs,
  connectionsCheckingInterval: checkMs,
  maxHeaderSize: headerBytesMax,
});

/** Makes the server. The caller that listens on it closes it. */
export function createGuardedServer(parts: GuardParts): Server | TlsServer {
  const { access, tls } = parts;
  const gate = new ConnectionGate({ ...gateDefaults, ...parts.gate });
  const timeouts = { ...timeoutsDefaults, ...parts.timeouts };
  const server = tls === null ? createServer(optionsOf(timeouts)) : createOverTls(tls, timeouts);
  const lines = new RequestLines(access.hasKeys);
  // Of node's own, which begin the handshake of TLS.
  const began = tls === null ? [] : server.listeners('connection');
  for (const listener of began) server.off('connection', listener as () => void);
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address } = socket;
    const name = nameOf(socket);
    // One without an address is gone already.
    if (address === undefined || !gate.enter(name, address)) {
      socket.destroy();
      return;
    }
    socket.once('close', () => gate.settle(name));
    if (tls === null) return;
    lines.handshake(socket, timeouts.handshakeMs, () => {
      for (const listener of began) listener.call(server, socket);
    });
  });
  server.on(tls === null ? 'connection' : 'secureConnection', (socket: Socket) =>
    lines.open(socket),
  );
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const fault = headFault(request);
    const admission = fault === null ? access.admit(request) : refusedHead;
    if (admission.kind === 'admitted') gate.settle(nameOf(request.socket));
    // The connection of a refused caller is not kept: the next try costs another.
    else response.shouldKeepAlive = false;
    lines.began(request, response, admission);
    if (fault === null) parts.request(request, response, admission);
    else refuseRequest(response, fault);
  });
  const { upgrade, upgradeRules } = parts;
  if (upgrade === undefined) return server;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const fault = headFault(request);
    const admission = fault === null ? access.admit(request) : refusedHead;
    const reader = lines.leave(request, admission);
    if (admission.kind !== 'admitted') {
      if (fault === null) refuseUpgrade(socket, admission);
      else refuseHandshake(socket, fault);
      return;
    }
    const misfit = upgradeRules === undefined ? null : upgradeFault(request, upgradeRules);
    if (misfit !== null) return refuseHandshake(socket, misfit);
    gate.settle(nameOf(request.socket));
    assert(head.length === 0, 'the reader hands over no byte behind a request');
    upgrade(request, socket, head, admission, reader);
  });
  return server;
}

/** The connections of one server, each with its reader. */
class RequestLines {
  readonly #pacer = new ReadPacer();
  readonly #lines = new WeakMap<Socket, RequestLine>();
  readonly #hasKeys: boolean;

  constructor(hasKeys: boolean) {
    this.#hasKeys = hasKeys;
  }

  #accountOf({ remoteAddress }: Socket): PacedAccount {
    return this.#hasKeys
      ? this.#pacer.open('address', addressBlock(remoteAddress ?? ''))
      : this.#pacer.open('open', '');
  }

  /**
   * Lets a handshake of TLS begin when it is the turn of its address: it costs the server a hundred
   * times what it costs a stranger.
   */
  handshake(socket: Socket, waitMsMax: number, begin: () => void): void {
    const account = this.#accountOf(socket);
    const late = setTimeout(() => socket.destroy(), waitMsMax);
    const leave = (): void => {
      clearTimeout(late);
      account.close();
    };
    const go = (): void => {
      account.spend(handshakeUnits);
      leave();
      socket.off('close', leave);
      if (!socket.destroyed) begin();
    };
    socket.once('close', leave);
    socket.on('error', () => undefined);
    if (account.units > 0) go();
    else account.wait({ serve: go });
  }

  /** Reads for the parser of node, whose listener is the only one by now. */
  open(socket: Socket): void {
    if (socket.destroyed) return;
    const parsers = socket.listeners('data') as ((piece: Buffer) => void)[];
    const account = this.#accountOf(socket);
    account.spend(connectionUnits);
    const reader = new PacedReader(socket, account);
    for (const parser of parsers) socket.off('data', parser);
    const parse = (piece: Buffer): void => {
      for (const parser of parsers) parser(piece);
    };
    this.#lines.set(socket, new RequestLine(socket, reader, parse));
  }

  began(request: IncomingMessage, response: ServerResponse, admission: AccessDecision): void {
    const line = this.#lines.get(request.socket)!;
    line.began(request, response);
    this.#decided(line, admission);
  }

  /** An upgrade: no more requests come. @returns the reader of its socket. */
  leave({ socket }: IncomingMessage, admission: AccessDecision): PacedReader {
    const line = this.#lines.get(socket)!;
    this.#lines.delete(socket);
    line.reader.account.spend(requestUnits);
    this.#decided(line, admission);
    return line.reader;
  }

  #decided(line: RequestLine, admission: AccessDecision): void {
    if (admission.kind !== 'admitted') line.refused();
    else if (admission.grant === null) line.reader.account.move('open', '');
    else line.reader.account.move('key', admission.grant.id);
  }
}

/** Time for answers under way to leave once the server has stopped listening. */
const leaveMs = 1_000;

/**
 * Stops listening, lets what is being sent leave for a moment, and cuts what is still connected
 * then.
 */
export function closeGently(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), leaveMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}

function createOverTls(tls: TlsFiles, timeouts: ServerTimeouts): TlsServer {
  const server = createTlsServer({
    ...optionsOf(timeouts),
    ...tls.options,
    handshakeTimeout: timeouts.handshakeMs,
  });
  tls.onChange((options) => server.setSecureContext(options));
  return server;
}

/** The same for a socket and for the TLS around it, unlike the objects. */
const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** HTTP status of a refusal. */
export const refusalStatus = (admission: AccessDecision): 401 | 403 =>
  admission.kind === 'refused' && !admission.code.startsWith('key-') ? 403 : 401;

function refuseUpgrade(socket: Duplex, admission: AccessDecision): void {
  const status = refusalStatus(admission);
  const demand = status === 401 ? 'WWW-Authenticate: Bearer\r\n' : '';
  // It may be gone already.
  socket.on('error', () => undefined);
  // A peer that does not close its half is not waited for.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${demand}Connection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}
