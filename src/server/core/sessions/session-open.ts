// How sessions begin: opened with a prompt, or resumed on another connection from the log the server kept.

import type { WireCode } from '../../../protocol/code.js';
import type { Open, Resume } from '../../../protocol/frame.js';
import { tokenLogHash } from '../../../protocol/token-log-hash.js';
import { Session, type SessionAddress } from '../session.js';
import type { QuotaRefusal } from '../tenants/tenant.js';
import { admit } from './admission.js';
import { endReasonOf } from './make-verdict.js';
import type { SessionEnd } from './session-end.js';
import type { SessionParts } from './session-parts.js';
import type { SessionReplies } from './session-replies.js';

export class SessionOpen {
  /** No session begins any more. */
  isClosed = false;
  readonly #parts: SessionParts;
  readonly #replies: SessionReplies;
  readonly #ending: SessionEnd;
  #nextKey = 1;

  constructor(parts: SessionParts, answers: SessionReplies, ending: SessionEnd) {
    this.#parts = parts;
    this.#replies = answers;
    this.#ending = ending;
  }

  open(address: SessionAddress, frame: Open, nowMs: number): void {
    const { settings, table, outbox } = this.#parts;
    const tenant = table.tenantOf(address.connection);
    const obstacle = this.#quotaRefusal(address);
    if (obstacle) {
      this.#ending.refuse(address, ...obstacle);
      return;
    }
    const quota = tenant.refusal(nowMs, settings.retryAfterMs);
    if (quota) {
      this.#refuseForQuota(address, quota);
      return;
    }
    if (table.size >= settings.sessionsMax && !this.#ending.forgetLongestDetached()) {
      this.#ending.refuse(address, 'server-busy', `${settings.sessionsMax} sessions are open`);
      return;
    }
    const overloaded = this.#overloadReason();
    if (overloaded !== null) {
      this.#ending.refuse(address, 'server-busy', overloaded);
      return;
    }
    const admission = admit(frame, tenant, settings);
    if ('code' in admission) {
      this.#ending.refuse(address, admission.code, admission.message);
      return;
    }
    const { terms, log } = admission;
    const resumeKey = settings.randomBytes(16);
    const session = new Session(this.#nextKey++, terms, log, hex(resumeKey), address, nowMs);
    table.use(address);
    table.add(session);
    const { promptLength, windowMax, shaping } = terms;
    outbox.shape(address, shaping, nowMs);
    outbox.send(address, {
      kind: 'opened',
      session: address.session,
      resumeKey,
      promptLength,
      promptIds: frame.prompt.kind === 'ids' ? new Int32Array(0) : log.slice(0, promptLength),
      windowMax,
    });
    session.end = endReasonOf(session, settings.model.endOfText);
    if (session.end !== null) this.#replies.conclude(session, nowMs);
    this.#parts.scheduler.refresh(session);
  }

  resume(address: SessionAddress, frame: Resume, nowMs: number): void {
    const { table, outbox } = this.#parts;
    const obstacle = this.#quotaRefusal(address);
    if (obstacle) {
      this.#ending.refuse(address, ...obstacle);
      return;
    }
    const tenant = table.tenantOf(address.connection);
    const quota = tenant.isExhausted(nowMs);
    if (quota) {
      this.#refuseForQuota(address, quota);
      return;
    }
    const session = table.byResumeKey(hex(frame.resumeKey));
    // A session of another key is none: a resume key that leaked is worth nothing without the key it belongs to.
    if (!session || session.terms.tenant !== tenant) {
      this.#ending.refuse(address, 'resume-refused', 'no session has this key');
      return;
    }
    if (!this.#isSameLog(session, frame)) {
      this.#ending.refuse(address, 'log-mismatch', `logs differ below ${frame.committedLength}`);
      return;
    }
    this.#takeOver(session, address);
    outbox.shape(address, session.terms.shaping, nowMs);
    session.announcedLength = frame.committedLength;
    session.drafts.clear();
    session.requestedPosition = null;
    session.deferredTimes = null;
    this.#replies.send(session, {
      kind: 'resumed',
      session: address.session,
      epoch: session.drafts.epoch,
      from: session.announcedLength,
      tokens: session.log.slice(session.announcedLength),
      logprobs: session.logprobs?.between(session.announcedLength, session.log.length) ?? null,
    });
    session.announcedLength = session.log.length;
    session.answerCount++;
    session.waitingSinceMs = nowMs;
    this.#repeatLast(session, nowMs);
    this.#parts.scheduler.refresh(session);
  }

  /** Why one more session would be one too many, or null. */
  #overloadReason(): string | null {
    const { scheduler, settings } = this.#parts;
    const tokenMs = scheduler.loadedTokenMs;
    if (scheduler.readyCount === 0 || tokenMs <= settings.tokenMsMax) return null;
    return `each token would take ${Math.round(tokenMs)} ms, more than ${settings.tokenMsMax}`;
  }

  #refuseForQuota(address: SessionAddress, { code, message, retryAfterMs }: QuotaRefusal): void {
    this.#parts.table.tenantOf(address.connection).refusalCount++;
    this.#parts.counters.quotaRefusalCount++;
    this.#ending.refuse(address, code, message, retryAfterMs);
  }

  /** Why no session may begin under this id, whatever it is. */
  #quotaRefusal(address: SessionAddress): [WireCode, string] | null {
    const { settings, table } = this.#parts;
    if (!table.isFresh(address)) {
      return ['session-reused', `id ${address.session} is not above all earlier ones`];
    }
    if (this.isClosed) return ['server-busy', 'the server takes no new sessions'];
    const { sessions } = settings.limits;
    return table.countOf(address.connection) < sessions
      ? null
      : ['sessions-exhausted', `${sessions} sessions of this connection are not closed`];
  }

  #isSameLog({ log, terms }: Session, { committedLength, logHash }: Resume): boolean {
    if (committedLength < terms.promptLength || committedLength > log.length) return false;
    return tokenLogHash(log.slice(0, committedLength)) === logHash;
  }

  #takeOver(session: Session, address: SessionAddress): void {
    const { table, outbox } = this.#parts;
    if (session.address) {
      outbox.failSession(session.address, 'session-taken', 'another connection has resumed it');
      table.detach(session, true);
    }
    table.use(address);
    session.address = address;
    session.detachedAtMs = null;
    session.state = 'resuming';
    table.attach(session);
  }

  /** After a resumption: a law that waits for its token, or the end, is said once more. */
  #repeatLast(session: Session, nowMs: number): void {
    if (session.end !== null || (session.isCancelled && session.inInFlight === null)) {
      this.#replies.conclude(session, nowMs);
    } else if (session.pendingLaw) {
      this.#replies.verdict(session, nowMs);
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
