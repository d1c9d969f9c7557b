// The server without sockets, clock or engine: events in, effects out. Hands frames to their sessions, lets the
// scheduler keep the engine busy, tells devices what came of it. Deterministic: same events, same effects.

import { unreachable } from '../../base/assert.js';
import type { PassResult } from '../../engine/engine.js';
import { codeTable, type WireCode, type WireFault } from '../../protocol/code.js';
import { connectionEventOf, receiveOnConnection } from '../../protocol/connection-state.js';
import { type DeviceFrame, type Hello, sessionOf } from '../../protocol/frame.js';
import { type Connection, Connections, helloFault, welcomeOf } from './connections.js';
import { type CoreStats, Counters } from './core-stats.js';
import type { ConnectionId, ServerEffect, ServerInput } from './event.js';
import { checkIntegrity } from './integrity.js';
import { Outbox } from './outbox.js';
import { Operations } from './passes/operations.js';
import { Scheduler } from './passes/scheduler.js';
import { SlotTable } from './passes/slot-table.js';
import type { SessionAddress } from './session.js';
import { SessionTable } from './session-table.js';
import { SessionHandler } from './sessions/session-handler.js';
import type { ServerCoreSettings } from './settings.js';
import { statsOf } from './stats-snapshot.js';
import { Tenants } from './tenants/tenant.js';

/** How often silence and expiry are looked at, in milliseconds; they end up to this much late. */
const tickMs = 1000;

/** What is taken of a key that has nothing left: the greeting, which costs next to nothing, and what ends something. */
const passable: ReadonlySet<DeviceFrame['kind']> = new Set([
  'hello',
  'open',
  'resume',
  'cancel',
  'close',
]);

type ConnectedEvent = Extract<ServerInput, { kind: 'connected' }>;
type FrameEvent = Extract<ServerInput, { kind: 'frame' }>;

export class ServerCore {
  readonly #settings: ServerCoreSettings;
  readonly #outbox: Outbox;
  readonly #tenants: Tenants;
  readonly #connections = new Connections();
  readonly #counters = new Counters();
  readonly #table = new SessionTable();
  readonly #operations: Operations;
  readonly #slots: SlotTable;
  readonly #scheduler: Scheduler;
  readonly #sessions: SessionHandler;
  #isDraining = false;
  #wakeAtMs = Infinity;

  constructor(settings: ServerCoreSettings) {
    this.#settings = settings;
    this.#tenants = new Tenants(settings.keyLimits);
    this.#outbox = new Outbox(this.#connections, settings.retryAfterMs);
    this.#operations = new Operations((operation) =>
      this.#outbox.push({ kind: 'engine', operation }),
    );
    const { issue } = this.#operations;
    this.#slots = new SlotTable({ ...settings, slotCount: settings.model.slotCount }, issue);
    this.#scheduler = new Scheduler(settings, this.#slots, issue, this.#counters);
    this.#sessions = new SessionHandler({
      settings,
      outbox: this.#outbox,
      table: this.#table,
      slots: this.#slots,
      scheduler: this.#scheduler,
      counters: this.#counters,
    });
  }

  /**
   * Takes one event in.
   *
   * @param nowMs of any steady clock, never going back.
   * @returns what to do, in this order; owned by the caller.
   */
  handle(event: ServerInput, nowMs: number): ServerEffect[] {
    return this.handleAll([event], nowMs);
  }

  /** Takes in events that came together: the next pass is planned once behind the last, and has room for all. */
  handleAll(events: readonly ServerInput[], nowMs: number): ServerEffect[] {
    for (const event of events) this.#dispatch(event, nowMs);
    const askAgainMs = this.#scheduler.schedule(nowMs);
    const flushMs = this.#flush(nowMs);
    this.#setWake(Math.min(askAgainMs ?? Infinity, flushMs), nowMs);
    return this.#outbox.take();
  }

  /** A snapshot of counts and quantiles. */
  stats(): CoreStats {
    return statsOf({
      settings: this.#settings,
      tenants: this.#tenants,
      connections: this.#connections,
      table: this.#table,
      slots: this.#slots,
      scheduler: this.#scheduler,
      counters: this.#counters,
    });
  }

  /** Sessions whose answer is being written for a device that listens. */
  get liveCount(): number {
    return [...this.#table.values()].filter(({ end, isAttached }) => end === null && isAttached)
      .length;
  }

  /** Everything kept for anybody: 0 once all connections are closed, their sessions gone and the engine is done. */
  get retainedCount(): number {
    const { imageCount, ownedCount } = this.#slots;
    return (
      this.#connections.count +
      this.#table.retainedCount +
      this.#operations.count +
      this.#scheduler.readyCount +
      imageCount +
      ownedCount
    );
  }

  /** @throws InvariantError where tables disagree with each other. For tests, after any event. */
  checkIntegrity(): void {
    checkIntegrity(this.#table, this.#slots, this.#scheduler);
  }

  #dispatch(event: ServerInput, nowMs: number): void {
    switch (event.kind) {
      case 'connected':
        this.#connect(event, nowMs);
        return;
      case 'disconnected':
        this.#drop(event.connection, nowMs);
        return;
      case 'frame':
        this.#frame(event, nowMs);
        return;
      case 'fault':
        this.#fault(event.connection, event.fault, nowMs);
        return;
      case 'clogged':
      case 'cleared':
        this.#flow(event.connection, event.kind === 'clogged', nowMs);
        return;
      case 'passed':
        this.#passed(event.id, event.result, nowMs);
        return;
      case 'hinted':
        for (const hint of event.hints) {
          const session = this.#scheduler.inSlot(event.id, hint.slot);
          if (session !== null) this.#sessions.hinted(session, hint);
        }
        return;
      case 'done':
        this.#done(event.id, event.bytes);
        return;
      case 'failed':
        this.#failed(event.id, event.message, nowMs);
        return;
      case 'wake':
        this.#tick(nowMs);
        return;
      case 'drain':
        this.#drain(event.alternatives);
        return;
      case 'stop':
        this.#stop(nowMs);
        return;
      default:
        unreachable(event);
    }
  }

  #connect({ connection: id, grant, isLocal = false }: ConnectedEvent, nowMs: number): void {
    const isFull = this.#connections.count >= this.#settings.connectionsMax;
    const tenant = this.#tenants.of(grant, nowMs);
    const connection = this.#connections.add(id, tenant, isLocal, nowMs);
    this.#table.addConnection(id, tenant);
    if (this.#isDraining) this.#failConnection(connection, 'draining', 'no new connections', nowMs);
    else if (isFull) {
      const message = `${this.#settings.connectionsMax} connections are open`;
      this.#failConnection(connection, 'server-full', message, nowMs);
    }
  }

  /** The connection is gone; its sessions wait for a resumption. */
  #drop(id: ConnectionId, nowMs: number): void {
    if (!this.#connections.get(id)) return;
    this.#sessions.ending.detachAll(id, nowMs);
    this.#connections.delete(id);
  }

  #failConnection(
    connection: Connection,
    code: WireCode,
    message: string,
    nowMs: number,
    {
      hello = null,
      advice = {},
    }: { hello?: Hello | null; advice?: { retryAfterMs?: number } } = {},
  ): void {
    if (connection.state === 'failed') return;
    const block =
      code === 'vocabulary-mismatch' && hello ? this.#settings.differingBlock(hello) : null;
    this.#counters.failureCount++;
    this.#outbox.fail(connection, { code, message, ...advice }, block);
    this.#sessions.ending.detachAll(connection.id, nowMs);
    this.#table.addConnection(connection.id, connection.tenant);
  }

  #frame({ connection: id, frame, bytes = 0 }: FrameEvent, nowMs: number): void {
    const connection = this.#connections.get(id);
    if (!connection) return;
    connection.lastFrameAtMs = nowMs;
    connection.tenant.countBytes(bytes, nowMs);
    const reception = receiveOnConnection(connection.state, connectionEventOf(frame));
    if (reception.kind === 'fault') {
      const { code, message } = reception.fault;
      this.#failConnection(connection, code, message, nowMs);
      return;
    }
    if (reception.kind === 'late' && connection.state === 'failed') return;
    if (reception.kind === 'move') connection.state = reception.state;
    if (this.#isExhausted(connection, frame, nowMs)) return;
    this.#legalFrame(connection, frame, nowMs);
  }

  /**
   * A key that has used up its bytes or tokens gets nothing more for a while: its frames end their sessions, and those of
   * no session its connection. What gives something back is always taken; Open and Resume are refused at the entrance.
   */
  #isExhausted(connection: Connection, frame: DeviceFrame, nowMs: number): boolean {
    if (connection.state === 'failed' || passable.has(frame.kind)) return false;
    const quota = connection.tenant.isExhausted(nowMs);
    if (quota === null) return false;
    const { code, message, retryAfterMs } = quota;
    const session = sessionOf(frame);
    if (session === null) {
      this.#failConnection(connection, code, message, nowMs, { advice: { retryAfterMs } });
      return true;
    }
    const found = this.#table.find({ connection: connection.id, session });
    if (typeof found !== 'string') this.#sessions.ending.exhaust(found, quota);
    return typeof found !== 'string';
  }

  #legalFrame(connection: Connection, frame: DeviceFrame, nowMs: number): void {
    switch (frame.kind) {
      case 'hello':
        this.#greet(connection, frame, nowMs);
        return;
      case 'ping':
        if (!frame.isCover) this.#outbox.sendOn(connection, { kind: 'pong', nonce: frame.nonce });
        return;
      default:
        this.#sessions.frame(this.#addressOf(connection, frame), frame, nowMs);
        return;
    }
  }

  #addressOf({ id }: Connection, frame: DeviceFrame): SessionAddress {
    return { connection: id, session: sessionOf(frame)! };
  }

  #greet(connection: Connection, hello: Hello, nowMs: number): void {
    const fault = helloFault(hello, this.#settings);
    if (fault) {
      this.#failConnection(connection, fault.code, fault.message, nowMs, { hello });
      return;
    }
    const passMs = this.#scheduler.passTime.predict({
      tokenCount: 1,
      rowCount: 1,
      tokenContext: 0,
    });
    this.#outbox.sendOn(connection, welcomeOf(hello, this.#settings, passMs));
  }

  #fault(id: ConnectionId, fault: WireFault, nowMs: number): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.state === 'failed') return;
    connection.lastFrameAtMs = nowMs;
    const isReady = connection.state === 'ready' || connection.state === 'draining';
    if (fault.session !== null && codeTable[fault.code].ends === 'session' && isReady) {
      this.#sessions.fault({ connection: id, session: fault.session }, fault);
    } else {
      this.#failConnection(connection, fault.code, fault.message, nowMs);
    }
  }

  #flow(id: ConnectionId, isClogged: boolean, nowMs: number): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.state === 'failed') return;
    connection.isClogged = isClogged;
    if (!isClogged) this.#sessions.drained(id, nowMs);
  }

  #passed(id: number, result: PassResult, nowMs: number): void {
    this.#operations.settle(id);
    this.#sessions.passCompleted(this.#scheduler.completePass(id, result, nowMs), nowMs);
  }

  #done(id: number, bytes: Uint8Array | null): void {
    const { kind, session } = this.#operations.settle(id);
    if (!session) return;
    if (kind === 'save' && bytes) this.#slots.keepImage(session, id, bytes);
    this.#slots.confirm(session, id);
  }

  #failed(id: number, message: string, nowMs: number): void {
    const { kind, session } = this.#operations.settle(id);
    if (kind === 'pass')
      this.#sessions.passFailed(this.#scheduler.failPass(id, nowMs), message, nowMs);
    else if (session) this.#sessions.ending.slotFailed(session, id, kind, message);
  }

  #tick(nowMs: number): void {
    // A timer may fire a little early: whenever it has fired, another is needed.
    this.#wakeAtMs = Infinity;
    const { silenceMs } = this.#settings.limits;
    for (const connection of this.#connections.silent(silenceMs, nowMs)) {
      const message = `nothing was heard for ${silenceMs} ms`;
      this.#failConnection(connection, 'too-slow', message, nowMs);
    }
    this.#sessions.ending.expire(nowMs);
    this.#tenants.sweep(nowMs);
  }

  #drain(alternatives: readonly string[]): void {
    this.#isDraining = true;
    this.#sessions.opening.isClosed = true;
    const { retryAfterMs } = this.#settings;
    for (const connection of this.#connections.values()) {
      if (connection.state !== 'ready' && connection.state !== 'draining') continue;
      this.#outbox.sendOn(connection, { kind: 'drain', retryAfterMs, alternatives });
    }
  }

  #stop(nowMs: number): void {
    this.#isDraining = true;
    this.#sessions.opening.isClosed = true;
    for (const connection of [...this.#connections.values()]) {
      this.#failConnection(connection, 'draining', 'the server is going away', nowMs);
    }
    this.#sessions.ending.forgetDetached();
  }

  /** Lets out what has waited for a beat that has come. @returns when the next one is wanted; Infinity: none is. */
  #flush(nowMs: number): number {
    let nextMs = Infinity;
    for (const connection of this.#connections.flushing) {
      const flush = connection.flushTimer!;
      if (flush.isDue(nowMs)) {
        this.#sessions.flush(connection, nowMs);
        flush.pass(nowMs);
      }
      if (this.#sessions.awaitsFlush(connection)) nextMs = Math.min(nextMs, flush.atMs);
    }
    return nextMs;
  }

  /** One timer for all: the next tick while there is anything to watch, sooner where the batcher waits. */
  #setWake(askAgainMs: number, nowMs: number): void {
    const isWatching = this.#connections.count > 0 || this.#table.size > 0;
    const tick = isWatching ? Math.max(nowMs, Math.min(this.#wakeAtMs, nowMs + tickMs)) : Infinity;
    const atMs = Math.min(tick, askAgainMs);
    if (atMs >= this.#wakeAtMs || atMs === Infinity) return;
    this.#wakeAtMs = atMs;
    this.#outbox.push({ kind: 'wake', atMs });
  }
}
