// How sessions end without having answered to the end: refused, at fault, failed by the engine, closed, or without a
// connection for too long. Whatever ends takes its slot, its cache and its place in the next pass with it.

import type { WireCode, WireFault } from '../../../protocol/code.js';
import type { ConnectionId, EngineOperation } from '../event.js';
import type { Session, SessionAddress } from '../session.js';
import type { QuotaRefusal } from '../tenants/tenant.js';
import type { SessionParts } from './session-parts.js';

/** Slots that fail under one session before the session does. */
const slotFailuresMax = 3;

export class SessionEnd {
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** Ends a session for a fault of its device or ours. */
  fail(session: Session, { code, message }: WireFault, retryAfterMs: number | null = null): void {
    const { counters, outbox } = this.#parts;
    counters.failureCount++;
    if (session.address) outbox.failSession(session.address, code, message, retryAfterMs);
    this.forget(session, true);
  }

  forget(session: Session, isFailed: boolean): void {
    const { table, slots, scheduler } = this.#parts;
    table.detach(session, isFailed);
    table.remove(session);
    slots.forget(session);
    scheduler.forget(session);
  }

  /** Refuses a new session. Under an id that is in use, the session there ends with it: both ends must agree. */
  refuse(
    address: SessionAddress,
    code: WireCode,
    message: string,
    retryAfterMs: number | null = null,
  ): void {
    const { table, outbox, settings, counters } = this.#parts;
    const known = table.find(address);
    if (typeof known !== 'string') {
      this.fail(known, { code, message, session: address.session }, retryAfterMs);
      return;
    }
    if (known === 'unused') {
      table.use(address);
      // Beyond the limit the id is forgotten at once: what still comes for it is answered, not remembered.
      if (table.countOf(address.connection) < settings.limits.sessions) table.fail(address);
    }
    counters.failureCount++;
    outbox.failSession(address, code, message, retryAfterMs);
  }

  /** The key has used up what it may: the session ends, and may be opened again with its text so far. */
  exhaust(session: Session, { code, message, retryAfterMs }: QuotaRefusal): void {
    if (!session.address) return;
    session.terms.tenant.refusalCount++;
    this.#parts.counters.quotaRefusalCount++;
    this.fail(session, { code, message, session: session.address.session }, retryAfterMs);
  }

  /** An operation on a session's slot has failed: it gets another, filled from its log. */
  slotFailed(session: Session, id: number, kind: EngineOperation['kind'], message: string): void {
    const { slots, table, scheduler } = this.#parts;
    if (table.get(session.key) !== session) return;
    if (kind === 'save') {
      if (session.image.kind === 'saving' && session.image.id === id)
        session.image = { kind: 'none' };
      return;
    }
    // It has given its slot back, and its device has heard the last of it.
    if (session.end !== null) return;
    if (session.inInFlight === null) slots.release(session);
    else session.inInFlight.isInvalid = true;
    session.failureCount++;
    if (session.failureCount >= slotFailuresMax) this.failForEngine(session, message);
    else scheduler.refresh(session);
  }

  /** Ends a session that the engine cannot serve. */
  failForEngine(session: Session, message: string): void {
    if (this.#parts.table.get(session.key) !== session) return;
    const id = session.address?.session ?? 0;
    this.fail(session, { code: 'engine-failed', message, session: id });
  }

  /** The connection is gone: its sessions wait for a resumption, without using the engine. */
  detachAll(connection: ConnectionId, nowMs: number): void {
    const { table, scheduler, settings } = this.#parts;
    for (const session of table.removeConnection(connection)) {
      session.address = null;
      session.detachedAtMs = nowMs;
      session.deferredTimes = null;
      session.drafts.clear();
      scheduler.refresh(session);
      if (settings.limits.resumeMs === 0) this.forget(session, false);
    }
  }

  /** Forgets sessions that nobody has come back for. */
  expire(nowMs: number): void {
    const { table, settings } = this.#parts;
    for (const session of [...table.values()]) {
      const { detachedAtMs } = session;
      if (detachedAtMs === null || nowMs - detachedAtMs < settings.limits.resumeMs) continue;
      this.forget(session, false);
    }
  }

  /**
   * Makes room by the session that has waited longest for a resumption: whoever comes back for it opens another with its
   * text, and a crowd that opens and vanishes shuts nobody out.
   *
   * @returns false where every session has somebody who listens.
   */
  forgetLongestDetached(): boolean {
    let longest: Session | null = null;
    for (const session of this.#parts.table.values()) {
      const { detachedAtMs } = session;
      if (detachedAtMs !== null && detachedAtMs < (longest?.detachedAtMs ?? Infinity)) {
        longest = session;
      }
    }
    if (longest !== null) this.forget(longest, false);
    return longest !== null;
  }

  /** Forgets all sessions without a connection: the server is going away. */
  forgetDetached(): void {
    for (const session of [...this.#parts.table.values()]) {
      if (!session.isAttached) this.forget(session, false);
    }
  }
}
