// The server as it runs: sockets, clock, timer and engine around the core. Decides nothing that the core could decide.
// The engine stays its owner's: closing the server does not close it.

import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { performance } from 'node:perf_hooks';
import { type Access, openAccess } from '../access/access.js';
import { checkBind } from '../access/bind-rule.js';
import type { GateLimits } from '../access/stranger-gate.js';
import type { TlsFiles } from '../access/tls-files.js';
import { type KeyLimits, unlimited } from '../base/key-grant.js';
import type { Engine } from '../engine/engine.js';
import { FormatChecker } from '../grammar/format-checker.js';
import { wireFault } from '../protocol/code.js';
import { decodeDeviceFrame, encodeFrame } from '../protocol/codec.js';
import { type Hello, modes, type OfferedLimits, schemes } from '../protocol/frame.js';
import { limits } from '../protocol/limits.js';
import { cutText } from '../protocol/utf8.js';
import {
  blockHashesOf,
  firstDifferingBlock,
  vocabularyBlockOf,
} from '../protocol/vocabulary-blocks.js';
import type { Effect, ServerEvent } from './core/event.js';
import { ServerCore } from './core/server-core.js';
import type { Batching, CoreSettings } from './core/settings.js';
import { EngineRunner } from './engine-runner.js';
import { PlainSessions } from './plain-sessions.js';
import { promptTokens } from './prompt.js';
import { processStats, type ServerStats, WireTally } from './stats.js';
import { type Listening, listen, type Peer } from './websocket-listener.js';

export interface ServerOptions {
  readonly engine: Engine;
  /** Default 127.0.0.1: nobody but this machine. */
  readonly host?: string;
  /** Default 7433; 0 picks a free one. */
  readonly port?: number;
  /** Who may connect; stays its owner's. Default: whoever reaches the address. */
  readonly access?: Access;
  /** Certificate and key; stays its owner's. Default: no TLS. */
  readonly tls?: TlsFiles;
  /** Listens beyond this machine even without keys or TLS. Default false: that is refused. */
  readonly insecureOpenToNetwork?: boolean;
  /** How many connections may stand that have not shown a key. */
  readonly gate?: Partial<GateLimits>;
  /** Of each key that leaves them open in its file; of all together where no key is asked for. Default: none, but for sessions where keys are asked for: a quarter of all. */
  readonly keyLimits?: Partial<KeyLimits>;
  readonly batching?: Batching;
  readonly connectionsMax?: number;
  readonly sessionsMax?: number;
  readonly limits?: Partial<OfferedLimits>;
  /** Bytes of cache images of idle sessions. Default 1 GiB; 0: they are computed again. */
  readonly swapBytesMax?: number;
  /** Predicted milliseconds for each token beyond which no session begins. Default 10 000. */
  readonly tokenMsMax?: number;
  /** Predicted milliseconds beyond which a pass takes no more. Default 1000. */
  readonly passMsMax?: number;
  /** Share of a pass's tokens that prompts are sure of. Default 0.25. */
  readonly prefillShare?: number;
  /** Predicted milliseconds beyond which prompts take no more than their share. Default 100. */
  readonly prefillMsMax?: number;
  /** Milliseconds that running answers are given when the server closes. Default 5000. */
  readonly drainMs?: number;
  /** ws: or wss: addresses of servers with the same model, at most 8, that devices are sent to when this one closes. */
  readonly alternatives?: readonly string[];
  /** Makes what answers HTTP on the same port, `GET /stats` apart. Called before the server listens. */
  readonly makeHttp?: (server: LocalServer) => Promise<RequestListener>;
}

export const defaultPort = 7433;
const drainMsDefault = 5_000;
const sessionsDefault = 4096;

const offeredDefaults: OfferedLimits = {
  frameBytes: limits.frameBytes.value,
  sessions: limits.sessions.value,
  promptTokens: limits.promptTokens.value,
  draftTokens: limits.draftTokens.value,
  windowTokens: limits.windowTokens.value,
  resumeMs: 60_000,
  silenceMs: 60_000,
};

/** A server as code of the same process sees it. */
export interface LocalServer {
  /** Answers without drafts, in the same batches as everybody's. */
  readonly plain: Pick<PlainSessions, 'write' | 'count'>;
  /** Whether no more sessions are taken. */
  readonly isDraining: boolean;
  stats(): ServerStats;
}

export interface RunningServer extends LocalServer {
  /** ws: or wss: URL that devices dial. */
  readonly address: string;
  readonly port: number;
  /** Takes no more sessions, lets running answers finish for a while, then ends all connections. */
  close(): Promise<void>;
}

/**
 * Serves an engine to devices.
 *
 * @throws PilotfishError `usage` where the network could reach it without keys or TLS; `address-unavailable`.
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

class Server implements RunningServer {
  readonly #engine: Engine;
  readonly #options: ServerOptions;
  readonly #access: Access;
  readonly #core: ServerCore;
  readonly #runner: EngineRunner;
  readonly #peers = new Map<number, Peer>();
  /** Connections that have not been greeted: their messages must be short. */
  readonly #strangers = new Set<number>();
  /** Bytes of each connection, both ways, that its key has not been charged with: they come with its next frame. */
  readonly #unpaid = new Map<number, number>();
  readonly #wire = new WireTally();
  readonly #startedAtMs = performance.now();
  readonly #drainMs: number;
  readonly #alternatives: readonly string[];
  readonly #endRevoking: () => void;
  #listening: Listening | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;
  #onIdle: (() => void) | null = null;
  #waiting: ServerEvent[] = [];
  readonly plain: PlainSessions;

  constructor(options: ServerOptions, access: Access) {
    this.#engine = options.engine;
    this.#options = options;
    this.#access = access;
    this.#endRevoking = access.onGone((ids) => this.#revoke(ids));
    const settings = settingsOf(options);
    this.#core = new ServerCore(settings);
    this.plain = new PlainSessions({
      feed: (event) => this.#feedSoon(event),
      sessionsMax: settings.limits.sessions,
      silenceMs: settings.limits.silenceMs,
    });
    this.#runner = new EngineRunner(options.engine, (event) => this.#feed(event));
    this.#drainMs = options.drainMs ?? drainMsDefault;
    this.#alternatives = options.alternatives ?? [];
  }

  async listen(host: string, request?: RequestListener): Promise<void> {
    const { port = defaultPort, tls = null, gate = {} } = this.#options;
    const guard = { access: this.#access, tls, gate };
    this.#listening = await listen(
      { host, port, guard },
      {
        connected: (peer) => this.#connected(peer),
        message: (peer, bytes) => this.#message(peer, bytes),
        tooLong: (peer, bytesMax) => this.#tooLong(peer, bytesMax),
        crowded: (peer) => this.#crowded(peer),
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

  get address(): string {
    const { host, port } = this.#listening!;
    const scheme = this.#options.tls === undefined ? 'ws' : 'wss';
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  get port(): number {
    return this.#listening!.port;
  }

  stats(): ServerStats {
    const { modelName, contextLength } = this.#engine.info;
    return {
      modelName,
      contextLength,
      uptimeMs: performance.now() - this.#startedAtMs,
      core: this.#core.stats(),
      wire: this.#wire.counts,
      process: processStats(),
    };
  }

  #connected(peer: Peer): void {
    this.#peers.set(peer.id, peer);
    this.#strangers.add(peer.id);
    this.#feed({ kind: 'connected', connection: peer.id, grant: peer.grant });
  }

  /** Ends the connections of keys that are none any more. */
  #revoke(ids: ReadonlySet<string>): void {
    for (const { id: connection, grant } of [...this.#peers.values()]) {
      if (grant === null || !ids.has(grant.id)) continue;
      const fault = wireFault('key-refused', 'the key is not valid any more', null);
      this.#feed({ kind: 'fault', connection, fault });
    }
  }

  #message({ id: connection }: Peer, bytes: Uint8Array): void {
    if (!this.#peers.has(connection)) return;
    this.#wire.up(bytes.length);
    this.#unpaid.set(connection, (this.#unpaid.get(connection) ?? 0) + bytes.length);
    const bytesMax = this.#strangers.has(connection)
      ? limits.helloBytes.value
      : limits.frameBytes.value;
    const decoded = decodeDeviceFrame(bytes, bytesMax);
    if ('ok' in decoded) {
      const unpaid = this.#unpaid.get(connection)!;
      this.#unpaid.set(connection, 0);
      this.#feedSoon({ kind: 'frame', connection, frame: decoded.ok, bytes: unpaid });
    } else this.#feedSoon({ kind: 'fault', connection, fault: decoded.fault });
  }

  #greeted(connection: number): void {
    this.#strangers.delete(connection);
    this.#peers.get(connection)?.greeted();
  }

  #tooLong({ id: connection }: Peer, bytesMax: number): void {
    const message = `a message exceeds ${bytesMax} bytes`;
    const fault = wireFault('frame-too-large', message, null);
    this.#feedSoon({ kind: 'fault', connection, fault });
  }

  #crowded({ id: connection }: Peer): void {
    const message = 'too many long messages are unfinished, and this is the longest';
    this.#feedSoon({ kind: 'fault', connection, fault: wireFault('too-slow', message, null) });
  }

  #disconnected({ id }: Peer): void {
    this.#strangers.delete(id);
    this.#unpaid.delete(id);
    if (this.#peers.delete(id)) this.#feed({ kind: 'disconnected', connection: id });
  }

  /** At once, behind what waits. */
  #feed(event: ServerEvent): void {
    this.#waiting.push(event);
    this.#flush();
  }

  /** Once everything that sockets hold by now is read: a pass begun at the first frame would keep the others waiting. */
  #feedSoon(event: ServerEvent): void {
    if (this.#waiting.push(event) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0) return;
    for (const effect of this.#core.handleAll(events, performance.now())) this.#apply(effect);
    if (this.#onIdle && this.#core.liveCount === 0) this.#onIdle();
  };

  #apply(effect: Effect): void {
    switch (effect.kind) {
      case 'send': {
        if (this.plain.take(effect.connection, effect.frame)) return;
        const peer = this.#peers.get(effect.connection);
        if (effect.frame.kind === 'welcome') this.#greeted(effect.connection);
        if (peer) this.#send(peer, encodeFrame(effect.frame));
        return;
      }
      case 'close':
        if (this.plain.closed(effect.connection)) return;
        this.#peers.get(effect.connection)?.close(effect.code);
        return;
      case 'engine':
        this.#runner.run(effect.operation);
        return;
      case 'wake':
        this.#wakeAt(effect.atMs);
    }
  }

  #send(peer: Peer, bytes: Uint8Array): void {
    this.#wire.down(bytes.length);
    this.#unpaid.set(peer.id, (this.#unpaid.get(peer.id) ?? 0) + bytes.length);
    if (peer.send(bytes)) return;
    peer.close('too-slow');
    // The core hears of it as of any lost connection, once the effects at hand are done.
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
    this.#feed({ kind: 'drain', alternatives: this.#alternatives });
    await this.#idle();
    this.#feed({ kind: 'stop' });
    await this.#gone();
    await this.#listening?.close();
    this.#endRevoking();
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** Resolves when no answer is being written, or when their time is up. */
  async #idle(): Promise<void> {
    if (this.#core.liveCount === 0) return;
    await withTimeout(this.#drainMs, (resolve) => {
      this.#onIdle = resolve;
    });
    this.#onIdle = null;
  }

  /** Gives the last frames a moment to leave. */
  async #gone(): Promise<void> {
    const untilMs = performance.now() + 1_000;
    while (this.#peers.size > 0 && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function withTimeout(ms: number, start: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    start(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** One key must not keep all others out. */
function sessionsOfKey({
  access,
  sessionsMax = sessionsDefault,
}: ServerOptions): Partial<KeyLimits> {
  return access?.hasKeys === true ? { sessions: Math.ceil(sessionsMax / 4) } : {};
}

function settingsOf(options: ServerOptions): CoreSettings {
  const { info } = options.engine;
  const { vocabulary } = info;
  const formats = new FormatChecker(vocabulary);
  let hashes: Uint32Array | null = null;
  const differingBlock = ({ blockHashes }: Hello) => {
    if (blockHashes.length === 0) return null;
    hashes ??= blockHashesOf(vocabulary);
    const block = firstDifferingBlock(hashes, blockHashes);
    return block === null ? null : vocabularyBlockOf(vocabulary, block);
  };
  return {
    model: {
      ...info,
      hasExit: info.exit !== null,
      modelName: cutText(info.modelName, limits.modelNameBytes.value),
      fingerprint: vocabulary.fingerprint,
      vocabSize: vocabulary.size,
      endOfText: vocabulary.endOfText,
    },
    schemes,
    modes,
    limits: { ...offeredDefaults, ...options.limits },
    connectionsMax: options.connectionsMax ?? 1024,
    sessionsMax: options.sessionsMax ?? sessionsDefault,
    keyLimits: { ...unlimited, ...sessionsOfKey(options), ...options.keyLimits },
    batching: options.batching ?? { kind: 'continuous' },
    tokenMsMax: options.tokenMsMax ?? 10_000,
    passMsMax: options.passMsMax ?? 1000,
    prefillShare: options.prefillShare ?? 0.25,
    prefillMsMax: options.prefillMsMax ?? 100,
    slotQuantumTokens: 32,
    swapBytesMax: options.swapBytesMax ?? 2 ** 30,
    retryAfterMs: 1_000,
    randomBytes: (count) => new Uint8Array(randomBytes(count)),
    // The upgrade has decided: nobody gets as far as Hello without a key.
    acceptsKey: () => true,
    tokenize: (prompt) => promptTokens(info, prompt),
    checkFormat: (schema) => formats.check(schema),
    differingBlock,
  };
}
