// Runs the server without sockets, clock or engine: events in, effects out. `handleAll` is its
// loop. Deterministic: the same events give the same effects.

import { unreachable } from '../../base/assert.js';
import type { DraftRequest, PassResult } from '../../engine/engine.js';
import { ConnectionHandler } from './connection-handler.js';
import { Connections } from './connections.js';
import type { CoreParts } from './core-parts.js';
import { type CoreStats, Counters } from './core-stats.js';
import type { ServerTests } from './drafting/source-tally.js';
import { Speculation } from './drafting/speculation.js';
import type { ConnectionId, CoreEffect, ServerEffect, ServerInput } from './event.js';
import { checkIntegrity } from './integrity.js';
import { Outbox } from './outbox.js';
import { Operations } from './passes/operations.js';
import { Scheduler } from './passes/scheduler.js';
import { SlotTable } from './passes/slot-table.js';
import type { SessionAddress } from './session-status.js';
import { SessionTable } from './session-table.js';
import { SessionEnd } from './sessions/session-end.js';
import { SessionFrames } from './sessions/session-frames.js';
import { SessionOpen } from './sessions/session-open.js';
import { SessionReplies } from './sessions/session-replies.js';
import { SessionResults } from './sessions/session-results.js';
import type { ServerCoreSettings } from './settings.js';
import { statsOf } from './stats-snapshot.js';
import { Tenants } from './tenants/tenant.js';
import { ToldTimes } from './told-times.js';

/** Milliseconds between two checks for silence and expiry, which come up to this much late. */
const tickMs = 1000;

export class ServerCore {
  readonly #parts: CoreParts;
  readonly #operations: Operations;
  readonly #replies: SessionReplies;
  readonly #ending: SessionEnd;
  readonly #results: SessionResults;
  readonly #handler: ConnectionHandler;
  #wakeAtMs = Infinity;

  constructor(settings: ServerCoreSettings) {
    const tenants = new Tenants(settings.keyLimits, settings.sharesPrefixesAcrossKeys);
    const connections = new Connections();
    const outbox = new Outbox(connections, settings.retryAfterMs);
    const counters = new Counters();
    const table = new SessionTable();
    this.#operations = new Operations((operation) => outbox.push({ kind: 'engine', operation }));
    const { issue } = this.#operations;
    const slots = new SlotTable(settings, issue);
    const draft = (id: number, requests: readonly DraftRequest[]): void =>
      outbox.push({ kind: 'draft', id, requests });
    const speculation = new Speculation(settings, slots, draft, counters);
    const scheduler = new Scheduler(settings, slots, issue, counters, speculation);
    const tables = { tenants, connections, table, slots };
    const told = new ToldTimes();
    const parts = { settings, ...tables, scheduler, speculation, outbox, counters, told };
    const replies = new SessionReplies(parts);
    const ending = new SessionEnd({ ...parts, replies });
    const opening = new SessionOpen({ ...parts, replies, ending });
    const frames = new SessionFrames({ ...parts, replies, ending, opening });
    this.#parts = parts;
    this.#replies = replies;
    this.#ending = ending;
    this.#results = new SessionResults({ ...parts, replies, ending });
    this.#handler = new ConnectionHandler({ ...parts, replies, ending, opening, frames });
  }

  /**
   * The loop of the server, once around: receive, schedule, start a pass, send. A pass that has
   * ended comes back as an event; then its tokens are committed and replied before the next is
   * scheduled.
   *
   * @param events that came together: the pass is scheduled after the last, and has room for what
   *   all of them bring.
   * @param nowMs of any steady clock, never going back.
   * @returns what to do, in this order; owned by the caller.
   */
  handleAll(events: readonly ServerInput[], nowMs: number): CoreEffect[] {
    for (const event of events) this.#receive(event, nowMs);
    const next = this.#parts.scheduler.schedule(nowMs);
    if (next.kind === 'pass') this.#parts.scheduler.startPass(next, nowMs);
    if (next.kind === 'stage') this.#parts.scheduler.startStage(next, nowMs);
    this.#setWake(next.kind === 'wait' ? next.untilMs : Infinity, nowMs);
    return this.#parts.outbox.take();
  }

  #receive(event: ServerInput, nowMs: number): void {
    switch (event.kind) {
      case 'connected':
      case 'connected-local':
        this.#handler.connect(event, nowMs);
        return;
      case 'disconnected':
        this.#handler.disconnect(event.connection, nowMs);
        return;
      case 'frame':
        this.#handler.frame(event, nowMs);
        return;
      case 'reserved':
        this.#handler.reserve(event);
        return;
      case 'spent':
        this.#handler.spend(event, nowMs);
        return;
      case 'wanted':
        this.#parts.outbox.send(
          { connection: event.connection, session: event.frame.session },
          event.frame,
        );
        return;
      case 'fault':
        this.#handler.fault(event.connection, event.fault, nowMs);
        return;
      case 'clogged':
      case 'cleared':
        this.#handler.flow(event.connection, event.kind === 'clogged', nowMs);
        return;
      case 'passed':
        this.#takePassResult(event.id, event.result, nowMs);
        return;
      case 'hinted':
        for (const hint of event.hints) {
          const session = this.#parts.scheduler.inSlot(event.id, hint.slot);
          if (session !== null) this.#replies.hint(session, hint);
        }
        return;
      case 'drafted':
        this.#parts.speculation.drafted(event.id, event.result, nowMs);
        return;
      case 'draft-failed':
        this.#parts.speculation.draftFailed(event.id);
        return;
      case 'done':
        this.#operationDone(event.id, event.bytes);
        return;
      case 'failed':
        this.#operationFailed(event.id, event.message, nowMs);
        return;
      case 'wake':
        this.#tick(nowMs);
        return;
      case 'drain':
        this.#handler.drain(event.alternatives);
        return;
      case 'stop':
        this.#handler.stop(nowMs);
        return;
      default:
        unreachable(event);
    }
  }

  /** Commits what the pass has decided for each of its sessions, and replies. */
  #takePassResult(id: number, result: PassResult, nowMs: number): void {
    this.#operations.settle(id);
    const segments = this.#parts.scheduler.completePass(id, result, nowMs);
    for (const { passMs } of segments.slice(0, 1)) this.#parts.told.addPass(passMs);
    for (const segment of segments) this.#results.commitSegment(segment, nowMs);
  }

  #operationDone(id: number, bytes: Uint8Array | null): void {
    const { kind, session } = this.#operations.settle(id);
    const { slots } = this.#parts;
    if (kind === 'save' && bytes !== null) slots.images.keep(id, bytes);
    else if (kind === 'save') slots.images.fail(id);
    if (session !== null) slots.confirm(session, id);
  }

  #operationFailed(id: number, message: string, nowMs: number): void {
    const { kind, session } = this.#operations.settle(id);
    if (kind === 'pass') {
      this.#results.passFailed(this.#parts.scheduler.passFailed(id, nowMs), message, nowMs);
    } else if (kind === 'save') {
      this.#parts.slots.saveFailed(id);
    } else if (session) {
      this.#parts.slots.fail(session, id);
      this.#results.slotFailed(session, message);
    }
  }

  #tick(nowMs: number): void {
    // A timer may fire a little early: whenever it has fired, another is needed.
    this.#wakeAtMs = Infinity;
    this.#handler.endSilent(nowMs);
    this.#ending.expire(nowMs);
    for (const tenant of this.#parts.tenants.sweep(nowMs)) {
      this.#parts.slots.images.forget(tenant);
      this.#parts.speculation.suffix?.forgetTexts(tenant);
    }
  }

  /** One timer for all: the next tick while there is anything to watch, or a waiting pass. */
  #setWake(askAgainMs: number, nowMs: number): void {
    const isWatching = this.#parts.connections.count > 0 || this.#parts.table.size > 0;
    const tick = isWatching ? Math.max(nowMs, Math.min(this.#wakeAtMs, nowMs + tickMs)) : Infinity;
    const atMs = Math.min(tick, askAgainMs);
    if (atMs >= this.#wakeAtMs || atMs === Infinity) return;
    this.#wakeAtMs = atMs;
    this.#parts.outbox.push({ kind: 'wake', atMs });
  }

  /** Whether an answer is written for a session of this connection. */
  isWriting(id: ConnectionId): boolean {
    return this.#parts.table.sessionsOf(id).some(({ end }) => end === null);
  }

  /** An empty frame for a flush that has nothing to send; null where no answer is written. */
  fillerOf(id: ConnectionId): Extract<ServerEffect, { kind: 'send' }> | null {
    if (!this.isWriting(id)) return null;
    this.#parts.counters.coverCount++;
    const { padBytes } = this.#parts.connections.get(id)!.shaping;
    return { kind: 'send', connection: id, frame: { kind: 'pong', nonce: 0 }, padBytes };
  }

  /** A snapshot of counts and quantiles. */
  stats(): CoreStats {
    return statsOf(this.#parts);
  }

  /** Prompt tokens of a session that were in a cache at its first pass; null before. */
  cachedCountOf(address: SessionAddress): number | null {
    const session = this.#parts.table.find(address);
    return typeof session === 'string' ? null : session.cachedCount;
  }

  /** What passes have tested of the server's drafts for a session; null: there is none. */
  serverTestsOf(address: SessionAddress): ServerTests | null {
    const session = this.#parts.table.find(address);
    return typeof session === 'string' ? null : session.serverTests;
  }

  /** Sessions that are being written for a device that is attached. */
  get liveCount(): number {
    return [...this.#parts.table.values()].filter(
      ({ end, isAttached }) => end === null && isAttached,
    ).length;
  }

  /** Entries of all tables: 0 once connections and sessions are gone and the engine is done. */
  get retainedCount(): number {
    return (
      this.#parts.connections.count +
      this.#parts.table.retainedCount +
      this.#operations.count +
      this.#parts.speculation.retainedCount +
      this.#parts.scheduler.readyCount +
      this.#parts.slots.images.waitingCount +
      this.#parts.slots.ownedCount
    );
  }

  /** @throws InvariantError where tables disagree with each other. For tests, after any event. */
  checkIntegrity(): void {
    checkIntegrity(this.#parts.table, this.#parts.slots, this.#parts.scheduler);
  }
}
