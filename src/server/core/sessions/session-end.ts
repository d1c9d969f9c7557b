// Ends sessions: complete, refused, at fault, failed by the engine, closed, or without a device for
// too long. An ended session gives up its slot, its cache and its place in the next pass.

import type { WireCode } from '../../../protocol/code.js';
import type { CoreParts } from '../core-parts.js';
import type { ConnectionId } from '../event.js';
import type { Session } from '../session.js';
import { noDeferredTimes, type SessionAddress } from '../session-status.js';
import type { QuotaRefusal } from '../tenants/tenant.js';
import type { SessionFault } from './admission.js';
import type { SessionReplies } from './session-replies.js';

export interface SessionEndParts extends CoreParts {
  readonly replies: SessionReplies;
}

export class SessionEnd {
  readonly #parts: SessionEndParts;

  constructor(parts: SessionEndParts) {
    this.#parts = parts;
  }

  /** Sends the last verdict, if there is a device. The log stays for a resumption. */
  conclude(session: Session, nowMs: number, times = noDeferredTimes): void {
    if (session.isAttached) this.#parts.replies.verdict(session, nowMs, times);
    this.#parts.slots.forget(session);
  }

  /** Ends a session for a fault, whether of its device or ours. */
  fail(
    session: Session,
    { code, message }: SessionFault,
    retryAfterMs: number | null = null,
  ): void {
    this.#parts.counters.failureCount++;
    const { address } = session;
    if (address) this.#parts.outbox.failSession(address, code, message, retryAfterMs);
    this.forget(session, true);
  }

  /** @param isFailed whether the id stays in use on its connection until the device closes it. */
  forget(session: Session, isFailed: boolean): void {
    const { address } = session;
    if (address) this.#parts.table.detach(address, isFailed);
    session.forget();
    const { hold } = session.terms;
    const isKnown = this.#parts.table.remove(session);
    if (isKnown && hold !== null) this.#parts.outbox.push({ kind: 'release', hold });
    this.#parts.slots.forget(session);
    this.#parts.scheduler.forget(session);
  }

  /** Refuses a new session. One that has the id already ends with it: both ends agree. */
  refuse(
    address: SessionAddress,
    code: WireCode,
    message: string,
    retryAfterMs: number | null = null,
  ): void {
    const known = this.#parts.table.find(address);
    if (typeof known !== 'string') {
      this.fail(known, { code, message }, retryAfterMs);
      return;
    }
    if (known === 'unused') {
      this.#parts.table.use(address);
      // Beyond the limit the id is forgotten at once: later frames for it are answered, not
      // remembered.
      const { sessions } = this.#parts.settings.limits;
      if (this.#parts.table.countOf(address.connection) < sessions) this.#parts.table.fail(address);
    }
    this.#parts.counters.failureCount++;
    this.#parts.outbox.failSession(address, code, message, retryAfterMs);
  }

  /** Refuses a new session because its key has used up what it may. */
  refuseForQuota(address: SessionAddress, { code, message, retryAfterMs }: QuotaRefusal): void {
    this.#parts.table.tenantOf(address.connection).countRefusal();
    this.#parts.counters.quotaRefusalCount++;
    this.refuse(address, code, message, retryAfterMs);
  }

  /** Ends a session of an exhausted key. It may be opened again with its text so far. */
  exhaust(session: Session, quota: QuotaRefusal): void {
    session.terms.tenant.countRefusal();
    this.#parts.counters.quotaRefusalCount++;
    this.fail(session, quota, quota.retryAfterMs);
  }

  /** Ends a session that the engine cannot serve. */
  failForEngine(session: Session, message: string): void {
    this.fail(session, { code: 'engine-failed', message });
  }

  /** Lets the sessions of a lost connection wait for a resumption, without the engine. */
  detachAll(connection: ConnectionId, nowMs: number): void {
    const { resumeMs } = this.#parts.settings.limits;
    for (const session of this.#parts.table.removeConnection(connection)) {
      session.detach(nowMs);
      this.#parts.scheduler.refresh(session);
      if (resumeMs === 0) this.forget(session, false);
    }
  }

  /** Forgets sessions that were not resumed in time. */
  expire(nowMs: number): void {
    const { resumeMs } = this.#parts.settings.limits;
    for (const session of [...this.#parts.table.values()]) {
      const { detachedAtMs } = session;
      if (detachedAtMs === null || nowMs - detachedAtMs < resumeMs) continue;
      this.forget(session, false);
    }
  }

  /**
   * Makes room by forgetting the session that has waited longest for a resumption. Its device can
   * open another with the same text, and a crowd that opens sessions and vanishes keeps nobody out.
   *
   * @returns false where every session has a device.
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

  /** Forgets all sessions without a device: the server is going away. */
  forgetDetached(): void {
    for (const session of [...this.#parts.table.values()]) {
      if (!session.isAttached) this.forget(session, false);
    }
  }
}
