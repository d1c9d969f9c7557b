// Runs a server: sockets, clock, timer and engine around the core. Decides nothing that the core
// could decide. Does not close the engine, which stays its owner's.

import type { RequestListener } from 'node:http';
import { performance } from 'node:perf_hooks';
import { type Access, openAccess } from '../access/access.js';
import { checkBind } from '../access/bind-rule.js';
import { wireFault } from '../protocol/code.js';
import { type Decoded, encodeFrame } from '../protocol/codec.js';
import type { DeviceFrame, Open } from '../protocol/frame.js';
import { limits } from '../protocol/limits.js';
import type { ConnectionId, ServerEffect, ServerInput } from './core/event.js';
import { PacedCore } from './core/paced-core.js';
import type { PreparedOpen } from './core/prepared-open.js';
import type { ServerCore } from './core/server-core.js';
import { EngineRunner } from './engine-runner.js';
import { noPictureStats, type ServerEyes } from './eyes/server-eyes.js';
import { FrameInbox } from './frame-inbox.js';
import { type FrameInput, FrameOrder } from './frame-order.js';
import { frameBytes, unitsOf } from './frame-work.js';
import { LoopDelay } from './loop-delay.js';
import type { Peer } from './peer.js';
import { PictureUploads } from './pictures-in/picture-uploads.js';
import { PicturesIn } from './pictures-in/pictures-in.js';
import { PlainSessions } from './plain-sessions.js';
import type { Rendered } from './preparation/messages.js';
import { Preparation } from './preparation/preparation.js';
import {
  coreSettingsOf,
  defaultPort,
  drainMsDefault,
  eyesOf,
  type LocalServer,
  type ServerOptions,
} from './server-options.js';
import { processStats, type ServerStats, WireTally } from './stats.js';
import { type Listening, listen } from './websocket-listener.js';

/** A server that listens. */
export interface RunningServer extends LocalServer {
  /** ws: or wss: URL that devices dial. */
  readonly address: string;
  readonly port: number;
  /** Takes no more sessions, lets running answers finish for a while, then ends all connections. */
  close(): Promise<void>;
}

/**
 * Serves an engine to devices: drafts of all of them are verified in common passes. The engine
 * stays the caller's, and one server has it to itself.
 *
 * @returns once it listens.
 * @throws PilotfishError `usage` where the network could reach it without keys or TLS;
 *   `address-unavailable`.
 *
 * @example
 * ```ts
 * import { bundledModel, loadLlamaEngine, startServer } from 'pilotfish';
 *
 * const modelPath = bundledModel('stories-target');
 * const engine = await loadLlamaEngine({ modelPath, slotCount: 8 });
 * const server = await startServer({ engine, port: 0 });
 * server.address.startsWith('ws://127.0.0.1:'); // = true
 * await server.close();
 * await engine.close();
 * ```
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', tls, insecureOpenToNetwork = false } = options;
  const access = options.access ?? openAccess();
  const hasTls = tls !== undefined;
  await checkBind({ host, hasTls, hasKeys: access.hasKeys, insecureOpenToNetwork });
  const server = new Server(options, access);
  const http = await options.makeHttp?.(server);
  await server.listen(host, http);
  return server;
}

interface Connection {
  readonly peer: Peer;
  readonly inbox: FrameInbox;
  readonly order: FrameOrder;
  readonly pictures: PicturesIn;
  /** Of the protocol; 0 before Welcome was sent, and messages must be short until then. */
  version: number;
  /** Both ways; its key is charged with them when its next frame comes. */
  unpaidBytes: number;
}

class Server implements RunningServer {
  readonly #options: ServerOptions;
  readonly #access: Access;
  readonly #paced: PacedCore;
  readonly #core: ServerCore;
  readonly #runner: EngineRunner;
  readonly #connections = new Map<number, Connection>();
  readonly #eyes: ServerEyes | null;
  readonly #preparation: Preparation;
  readonly #uploads = new PictureUploads();
  readonly #wire = new WireTally();
  readonly #loopDelay = new LoopDelay();
  readonly #startedAtMs = performance.now();
  readonly #endRevoking: () => void;
  #listening: Listening | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;
  #onIdle: (() => void) | null = null;
  #waiting: ServerInput[] = [];
  #connectionCount = 0;
  /** Ids of sockets and of connections of this process. */
  readonly #nextConnection = (): ConnectionId => ++this.#connectionCount;
  readonly plain: PlainSessions;

  constructor(options: ServerOptions, access: Access) {
    this.#options = options;
    this.#access = access;
    this.#endRevoking = access.onRevoked((ids) => this.#revoke(ids));
    this.#eyes = eyesOf(options);
    this.#preparation = new Preparation(options.engine.info, this.#eyes);
    const settings = coreSettingsOf(options);
    this.#paced = new PacedCore(settings);
    this.#core = this.#paced.core;
    this.plain = new PlainSessions({
      feed: (event) => this.#feedSoon(event),
      prepare: (request, keyId, signal) => this.#preparation.prepare(request, keyId, signal),
      drop: (prepared) => this.#drop(prepared),
      nextConnection: this.#nextConnection,
      areDrafted: settings.drafting.model !== null || settings.drafting.suffixBytesMax !== null,
      sessionsMax: settings.limits.sessions,
      cachedCountOf: (address) => this.#core.cachedCountOf(address),
      serverTestsOf: (address) => this.#core.serverTestsOf(address),
    });
    const answer = (event: ServerInput): void =>
      // The end of an `open` comes with that of the pass behind it, whose tokens go first.
      event.kind === 'done' ? this.#feedSoon(event) : this.#feed(event);
    this.#runner = new EngineRunner(options.engine, answer, options.onNote);
  }

  async listen(host: string, request?: RequestListener): Promise<void> {
    const { port = defaultPort, tls = null, gate = {} } = this.#options;
    const guard = { access: this.#access, tls, gate };
    this.#listening = await listen(
      { host, port, guard, nextId: this.#nextConnection },
      {
        connected: (peer) => this.#connected(peer),
        message: (peer, bytes, partCount) => this.#message(peer, bytes, partCount),
        tooLong: (peer, bytesMax) => this.#tooLong(peer, bytesMax),
        overloaded: (peer) => this.#overloaded(peer),
        unread: (peer) => this.#cutOff(peer),
        flow: ({ id: connection }, isClogged) =>
          this.#feedSoon({ kind: isClogged ? 'clogged' : 'cleared', connection }),
        disconnected: (peer) => this.#disconnected(peer),
        stats: () => this.stats(),
        ...(request !== undefined && { request }),
      },
    );
  }

  get isDraining(): boolean {
    return this.#closing !== null;
  }

  get seesPictures(): boolean {
    return this.#eyes !== null;
  }

  get address(): string {
    const { host, port } = this.#listening!;
    const scheme = this.#options.tls === undefined ? 'ws' : 'wss';
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  get port(): number {
    return this.#listening!.port;
  }

  stats(): ServerStats {
    const { modelName, contextLength } = this.#options.engine.info;
    return {
      modelName,
      contextLength,
      uptimeMs: performance.now() - this.#startedAtMs,
      core: this.#core.stats(),
      wire: this.#wire.counts,
      pictures: { ...(this.#eyes?.stats ?? noPictureStats), arrivingBytes: this.#uploads.bytes },
      process: processStats(this.#loopDelay.read()),
    };
  }

  #connected(peer: Peer): void {
    const order = new FrameOrder(
      (event) => this.#feedSoon(event),
      (prepared) => this.#drop(prepared),
    );
    const pictures = new PicturesIn({
      ...{ uploads: this.#uploads, eyes: this.#eyes, key: peer.grant?.id ?? null },
      want: (frame) => this.#feedSoon({ kind: 'wanted', connection: peer.id, frame }),
    });
    const inbox = new FrameInbox({
      decode: (bytes) => this.#preparation.decode(bytes, peer.grant?.id ?? null),
      take: (decoded, rendered) => this.#decoded(connection, decoded, rendered),
    });
    const connection = { peer, inbox, order, pictures, version: 0, unpaidBytes: 0 };
    this.#connections.set(peer.id, connection);
    this.#feed({ kind: 'connected', connection: peer.id, grant: peer.grant });
  }

  /** Ends the connections of keys that have been revoked. */
  #revoke(ids: ReadonlySet<string>): void {
    for (const { peer } of [...this.#connections.values()]) {
      const { id: connection, grant } = peer;
      if (grant === null || !ids.has(grant.id)) continue;
      const fault = wireFault('key-refused', 'the key is not valid any more', null);
      this.#feed({ kind: 'fault', connection, fault });
    }
  }

  #message({ id }: Peer, bytes: Uint8Array, partCount: number): void {
    const connection = this.#connections.get(id);
    if (!connection) return;
    this.#wire.up(bytes.length);
    connection.unpaidBytes += bytes.length + partCount * frameBytes;
    const { value: bytesMax } = connection.version > 0 ? limits.frameBytes : limits.helloBytes;
    connection.inbox.message(bytes, bytesMax);
  }

  #decoded(connection: Connection, decoded: Decoded<DeviceFrame>, rendered: Rendered | null): void {
    const { peer, order, unpaidBytes } = connection;
    if ('ok' in decoded) {
      peer.worked(unitsOf(decoded.ok));
      connection.unpaidBytes = 0;
      const event = { connection: peer.id, frame: decoded.ok, bytes: unpaidBytes };
      this.#frame(connection, event, rendered);
    } else order.fault({ kind: 'fault', connection: peer.id, fault: decoded.fault });
  }

  #frame(connection: Connection, event: Omit<FrameInput, 'kind'>, rendered: Rendered | null): void {
    const { peer, inbox, order, pictures } = connection;
    const { frame, bytes = 0 } = event;
    if (frame.kind === 'picture-part' && pictures.take(frame)) {
      this.#feedSoon({ kind: 'spent', connection: peer.id, bytes });
      return;
    }
    if (frame.kind === 'cancel' || frame.kind === 'close') pictures.cancel(frame.session);
    const isTaken = order.take({ kind: 'frame', ...event }, (open) =>
      this.#prepare(connection, open, rendered),
    );
    if (isTaken) return;
    const message = 'too many frames wait for a long prompt or a format';
    const fault = wireFault('too-slow', message, null);
    inbox.end();
    order.end();
    pictures.end();
    this.#feedSoon({ kind: 'fault', connection: peer.id, fault });
  }

  #prepare({ peer, pictures, version }: Connection, open: Open, rendered: Rendered | null) {
    const keyId = peer.grant?.id ?? null;
    const { prompt, schema } = open;
    const own = { prompt, schema, rendered };
    if (open.pictures.length === 0) return this.#preparation.prepare(own, keyId);
    return pictures.prepare(open, rendered, version, (seen, signal) =>
      this.#preparation.prepare({ ...own, pictures: seen }, keyId, signal),
    );
  }

  #tooLong({ id: connection }: Peer, bytesMax: number): void {
    const message = `a message exceeds ${bytesMax} bytes`;
    const fault = wireFault('frame-too-large', message, null);
    this.#feedSoon({ kind: 'fault', connection, fault });
  }

  #overloaded({ id: connection }: Peer): void {
    const message = 'too many long messages are unfinished, and this is the longest';
    this.#feedSoon({ kind: 'fault', connection, fault: wireFault('too-slow', message, null) });
  }

  #disconnected({ id }: Peer): void {
    const connection = this.#connections.get(id);
    connection?.inbox.end();
    connection?.order.end();
    connection?.pictures.end();
    if (this.#connections.delete(id)) this.#feed({ kind: 'disconnected', connection: id });
  }

  /** At once, after what waits. */
  #feed(event: ServerInput): void {
    this.#waiting.push(event);
    this.#flush();
  }

  /** After all that sockets hold by now: a pass begun earlier would keep the others waiting. */
  #feedSoon(event: ServerInput): void {
    if (this.#waiting.push(event) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0) return;
    for (const effect of this.#paced.handleAll(events, performance.now())) this.#apply(effect);
    if (this.#onIdle && this.#core.liveCount === 0) this.#onIdle();
  };

  #apply(effect: ServerEffect): void {
    switch (effect.kind) {
      case 'send': {
        if (this.plain.take(effect.connection, effect.frame)) return;
        const connection = this.#connections.get(effect.connection);
        if (!connection) return;
        if (effect.frame.kind === 'welcome') {
          connection.version = effect.frame.version;
          connection.peer.greeted();
        }
        this.#send(connection, encodeFrame(effect.frame, effect.padBytes));
        return;
      }
      case 'close':
        if (this.plain.closed(effect.connection)) return;
        this.#connections.get(effect.connection)?.peer.close(effect.code);
        return;
      case 'engine':
        this.#runner.run(effect.operation);
        return;
      case 'release':
        this.#eyes!.release(effect.hold);
        return;
      case 'draft':
        this.#runner.draft(this.#options.drafting!.engine!, effect.id, effect.requests);
        return;
      case 'wake':
        this.#wakeAt(effect.atMs);
    }
  }

  /** The core will not hear of this. */
  #drop({ hold }: PreparedOpen): void {
    if (hold !== undefined) this.#eyes!.release(hold);
  }

  #send(connection: Connection, bytes: Uint8Array): void {
    const { peer } = connection;
    this.#wire.down(bytes.length);
    connection.unpaidBytes += bytes.length + frameBytes;
    if (!peer.send(bytes)) this.#cutOff(peer);
  }

  /** It leaves too much unread. */
  #cutOff(peer: Peer): void {
    peer.close('too-slow');
    // For the core it is a lost connection like any other, once the present effects are done.
    queueMicrotask(() => this.#disconnected(peer));
  }

  #wakeAt(atMs: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    const delayMs = Math.max(0, atMs - performance.now());
    this.#timer = setTimeout(() => this.#feed({ kind: 'wake' }), delayMs);
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    const { alternatives = [], drainMs = drainMsDefault } = this.#options;
    this.#feed({ kind: 'drain', alternatives });
    await this.#idle(drainMs);
    this.#feed({ kind: 'stop' });
    await this.#gone();
    await this.#listening?.close();
    this.#endRevoking();
    await this.#preparation.close();
    this.#eyes?.close();
    this.#uploads.close();
    this.#loopDelay.stop();
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** Resolves when no answer is being written, or when their time is up. */
  async #idle(drainMs: number): Promise<void> {
    if (this.#core.liveCount === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      timer = setTimeout(resolve, drainMs);
    });
    clearTimeout(timer);
    this.#onIdle = null;
  }

  /** Gives the last frames a moment to leave. */
  async #gone(): Promise<void> {
    const untilMs = performance.now() + 1_000;
    while (this.#connections.size > 0 && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
