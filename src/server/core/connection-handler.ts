// Handles what concerns a connection: its beginning and end, the handshake, the rules for every
// frame before its session sees it, slow readers, silence, draining. Local connections, of callers
// in this process, skip the handshake.

import { codeTable, type WireFault, wireFault } from '../../protocol/code.js';
import { connectionEventOf } from '../../protocol/connection-state.js';
import { type DeviceFrame, type Hello, sessionOf } from '../../protocol/frame.js';
import { type Connection, helloFault, welcomeOf } from './connections.js';
import type { CoreParts } from './core-parts.js';
import type { ConnectionId, ServerInput } from './event.js';
import type { FailureAdvice } from './outbox.js';
import type { SessionEnd } from './sessions/session-end.js';
import type { SessionFrames } from './sessions/session-frames.js';
import type { SessionOpen } from './sessions/session-open.js';
import type { SessionReplies } from './sessions/session-replies.js';
import type { QuotaRefusal, Tenant } from './tenants/tenant.js';

export interface ConnectionHandlerParts extends CoreParts {
  readonly frames: SessionFrames;
  readonly opening: SessionOpen;
  readonly replies: SessionReplies;
  readonly ending: SessionEnd;
}

/** Frames taken of an exhausted key: the cheap greeting, and those that end something. */
const passable: ReadonlySet<DeviceFrame['kind']> = new Set([
  'hello',
  'open',
  'resume',
  'cancel',
  'close',
]);

/** Of all connections, for keys that have none yet. */
const keptShare = 0.125;
/** Frames of one connection for sessions that were never opened on it. */
const strayFramesMax = 64;

type ConnectedEvent = Extract<ServerInput, { grant: unknown }>;
type SpentEvent = Extract<ServerInput, { kind: 'spent' }>;
type ReservedEvent = Extract<ServerInput, { kind: 'reserved' }>;
type FrameEvent = Extract<ServerInput, { kind: 'frame' }>;

export class ConnectionHandler {
  readonly #parts: ConnectionHandlerParts;
  #isDraining = false;

  constructor(parts: ConnectionHandlerParts) {
    this.#parts = parts;
  }

  connect({ kind, connection: id, grant }: ConnectedEvent, nowMs: number): void {
    const { connections, tenants, table } = this.#parts;
    const tenant = tenants.of(grant, nowMs);
    const isLocal = kind === 'connected-local';
    const quota = isLocal ? null : this.#refusal(tenant, nowMs);
    const connection = connections.add(id, tenant, isLocal, nowMs);
    table.addConnection(id, tenant);
    if (this.#isDraining) {
      this.#fail(connection, wireFault('draining', 'no new connections', null), nowMs);
    } else if (quota !== null) this.#failByQuota(connection, quota, nowMs);
  }

  /** Why a device may not connect now, or null. Some places are kept for keys that have none. */
  #refusal(tenant: Tenant, nowMs: number): QuotaRefusal | null {
    const { connections, settings } = this.#parts;
    const { connectionsMax, retryAfterMs } = settings;
    const isNew = tenant.id === null || tenant.counts.connectionCount === 0;
    const keptCount = isNew ? 0 : Math.floor(connectionsMax * keptShare);
    if (connections.liveCount >= connectionsMax - keptCount) {
      const message = isNew
        ? `${connectionsMax} connections are open`
        : `${keptCount} connections are left, for keys that have none`;
      return { code: 'server-full', message, retryAfterMs };
    }
    return tenant.connectionRefusal(nowMs, retryAfterMs);
  }

  #failByQuota(connection: Connection, quota: QuotaRefusal, nowMs: number): void {
    const { code, message, retryAfterMs } = quota;
    this.#fail(connection, wireFault(code, message, null), nowMs, { retryAfterMs });
  }

  /** The connection is gone. Its sessions wait for a resumption. */
  disconnect(id: ConnectionId, nowMs: number): void {
    const { connections, ending, speculation } = this.#parts;
    if (!connections.get(id)) return;
    ending.detachAll(id, nowMs);
    speculation.disconnected(id);
    connections.delete(id);
  }

  #fail(connection: Connection, fault: WireFault, nowMs: number, advice: FailureAdvice = {}): void {
    if (connection.state === 'failed') return;
    const { connections, counters, outbox, ending, table } = this.#parts;
    counters.failureCount++;
    connections.fail(connection);
    outbox.fail(connection, fault, advice);
    ending.detachAll(connection.id, nowMs);
    table.addConnection(connection.id, connection.tenant);
  }

  frame(event: FrameEvent, nowMs: number): void {
    const isOpened = this.#take(event, nowMs);
    const hold = event.prepared?.hold;
    if (!isOpened && hold !== undefined) this.#parts.outbox.push({ kind: 'release', hold });
  }

  /** Keeps an id for an Open that comes later: those with higher ids may come before it. */
  reserve({ connection, session }: ReservedEvent): void {
    const { connections, table } = this.#parts;
    const state = connections.get(connection)?.state;
    if (state === 'ready' || state === 'draining') table.reserve({ connection, session });
  }

  /** Charges a key for frames that do not come here. */
  spend({ connection: id, bytes }: SpentEvent, nowMs: number): void {
    const connection = this.#parts.connections.get(id);
    if (connection === undefined || connection.state === 'failed') return;
    connection.heard(nowMs);
    connection.tenant.countBytes(bytes, nowMs);
    this.#endOverdrawn(connection, nowMs);
  }

  /** @returns whether it has opened a session. */
  #take(event: FrameEvent, nowMs: number): boolean {
    const { connection: id, frame, bytes = 0 } = event;
    const connection = this.#parts.connections.get(id);
    if (!connection) return false;
    connection.heard(nowMs);
    connection.tenant.countBytes(bytes, nowMs);
    const reception = connection.received(connectionEventOf(frame));
    if (reception.kind === 'fault') {
      this.#fail(connection, reception.fault, nowMs);
      return false;
    }
    if (reception.kind === 'late' && connection.state === 'failed') return false;
    if (this.#endOverdrawn(connection, nowMs)) return false;
    if (this.#endExhausted(connection, frame, nowMs)) return false;
    return this.#legalFrame(connection, event, nowMs);
  }

  /** @returns whether the key is so far over its bytes that all its connections have ended. */
  #endOverdrawn({ tenant, isLocal }: Connection, nowMs: number): boolean {
    const quota = isLocal ? null : tenant.overdraft(nowMs);
    if (quota === null) return false;
    for (const connection of [...this.#parts.connections.values()]) {
      if (connection.tenant === tenant && !connection.isLocal) {
        this.#failByQuota(connection, quota, nowMs);
      }
    }
    return true;
  }

  /**
   * A key that has used up its bytes or tokens gets nothing more for a while: a frame ends its
   * session, and a frame of no session its connection. Frames that end something are always taken.
   * Open and Resume are refused on their own.
   *
   * @returns whether the frame has ended one of them.
   */
  #endExhausted(connection: Connection, frame: DeviceFrame, nowMs: number): boolean {
    if (connection.state === 'failed' || passable.has(frame.kind)) return false;
    const quota = connection.tenant.exhaustion(nowMs);
    if (quota === null) return false;
    const session = sessionOf(frame);
    if (session === null) {
      this.#failByQuota(connection, quota, nowMs);
      return true;
    }
    const { table, ending } = this.#parts;
    const found = table.find({ connection: connection.id, session });
    if (typeof found !== 'string') ending.exhaust(found, quota);
    return typeof found !== 'string';
  }

  #legalFrame(connection: Connection, { frame, prepared }: FrameEvent, nowMs: number): boolean {
    const { outbox, frames } = this.#parts;
    const { id } = connection;
    let isOpened = false;
    switch (frame.kind) {
      case 'hello':
        this.#greet(connection, frame, nowMs);
        return false;
      case 'ping':
        if (!frame.isCover) outbox.pong(connection, frame.nonce);
        return false;
      case 'open': {
        const address = { connection: id, session: frame.session };
        isOpened = frames.open(address, frame, prepared ?? null, nowMs);
        break;
      }
      default:
        frames.frame({ connection: id, session: sessionOf(frame)! }, frame, nowMs);
    }
    this.#endStray(connection, nowMs);
    return isOpened;
  }

  /** A device that knows its sessions has no reason to name so many that never were. */
  #endStray(connection: Connection, nowMs: number): void {
    if (connection.strayCount <= strayFramesMax) return;
    const message = `${connection.strayCount} frames name sessions that were never opened`;
    this.#fail(connection, wireFault('session-unknown', message, null), nowMs);
  }

  #greet(connection: Connection, hello: Hello, nowMs: number): void {
    const { settings, scheduler, outbox } = this.#parts;
    const fault = helloFault(hello, settings);
    if (fault) {
      const isDiffering = fault.code === 'vocabulary-mismatch';
      const block = isDiffering ? settings.differingBlock(hello) : null;
      this.#fail(connection, fault, nowMs, { block });
      return;
    }
    const passMs = scheduler.passTime.predict({ tokenCount: 1, rowCount: 1, tokenContext: 0 });
    outbox.sendOn(connection, welcomeOf(hello, settings, passMs));
  }

  /** A message was no legal frame. */
  fault(id: ConnectionId, fault: WireFault, nowMs: number): void {
    const connection = this.#parts.connections.get(id);
    if (!connection || connection.state === 'failed') return;
    connection.heard(nowMs);
    const isReady = connection.state === 'ready' || connection.state === 'draining';
    if (fault.session !== null && codeTable[fault.code].ends === 'session' && isReady) {
      this.#parts.frames.fault({ connection: id, session: fault.session }, fault);
    } else this.#fail(connection, fault, nowMs);
  }

  /** The device has fallen behind with reading, or has caught up. */
  flow(id: ConnectionId, isClogged: boolean, nowMs: number): void {
    const { connections, table, replies } = this.#parts;
    const connection = connections.get(id);
    if (!connection || connection.state === 'failed') return;
    connection.flow(isClogged);
    if (isClogged) return;
    for (const session of table.sessionsOf(id)) replies.sendDeferred(session, nowMs);
  }

  /** Ends connections that have been silent for too long. */
  endSilent(nowMs: number): void {
    const { connections, settings } = this.#parts;
    const { silenceMs } = settings.limits;
    const fault = wireFault('too-slow', `nothing was heard for ${silenceMs} ms`, null);
    for (const connection of connections.silent(silenceMs, nowMs)) {
      this.#fail(connection, fault, nowMs);
    }
  }

  /** Takes no new sessions or connections, and says so. */
  drain(alternatives: readonly string[]): void {
    const { connections, opening, outbox, settings } = this.#parts;
    this.#isDraining = true;
    opening.close();
    const { retryAfterMs } = settings;
    for (const connection of connections.values()) {
      if (connection.state !== 'ready' && connection.state !== 'draining') continue;
      outbox.sendOn(connection, { kind: 'drain', retryAfterMs, alternatives });
    }
  }

  /** Ends all connections and forgets their sessions. */
  stop(nowMs: number): void {
    const { connections, ending } = this.#parts;
    this.#isDraining = true;
    const fault = wireFault('draining', 'the server is going away', null);
    for (const connection of [...connections.values()]) this.#fail(connection, fault, nowMs);
    ending.forgetDetached();
  }
}
