// Opens sessions with a prompt, and resumes them on another connection from the log that the server
// kept.

import type { WireCode } from '../../../protocol/code.js';
import type { Open, Resume } from '../../../protocol/frame.js';
import { imageSpansOf, withoutImages } from '../../../protocol/image-spans.js';
import { tokenLogHash } from '../../../protocol/token-log-hash.js';
import type { CoreParts } from '../core-parts.js';
import type { PreparedOpen } from '../prepared-open.js';
import { Session } from '../session.js';
import { noDeferredTimes, type SessionAddress } from '../session-status.js';
import { admit } from './admission.js';
import type { SessionEnd } from './session-end.js';
import type { SessionReplies } from './session-replies.js';

export interface SessionOpenParts extends CoreParts {
  readonly replies: SessionReplies;
  readonly ending: SessionEnd;
}

export class SessionOpen {
  readonly #parts: SessionOpenParts;
  #nextKey = 1;
  #isClosed = false;

  constructor(parts: SessionOpenParts) {
    this.#parts = parts;
  }

  /** Takes no more sessions. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * @param prepared what the shell has made of the frame; null: nothing.
   * @returns whether there is a session now.
   */
  open(
    address: SessionAddress,
    frame: Open,
    prepared: PreparedOpen | null,
    nowMs: number,
  ): boolean {
    if (this.#refuseIfFull(address, nowMs)) return false;
    const tenant = this.#parts.table.tenantOf(address.connection);
    const admission = admit(frame, prepared, tenant, this.#parts.settings);
    if ('code' in admission) {
      this.#parts.ending.refuse(address, admission.code, admission.message);
      return false;
    }
    const { terms, log } = admission;
    const { promptLength, windowMax, shaping } = terms;
    const resumeKey = this.#parts.settings.randomBytes(16);
    const key = this.#nextKey++;
    const prompt = log.slice(0, promptLength);
    const session = new Session({ key, terms, log, resumeKey: hex(resumeKey), address }, nowMs);
    this.#parts.table.use(address);
    this.#parts.table.add(session);
    this.#parts.outbox.shape(address, shaping);
    this.#parts.replies.send(session, {
      kind: 'opened',
      session: address.session,
      resumeKey,
      promptLength,
      promptIds: frame.prompt.kind === 'ids' ? new Int32Array(0) : withoutImages(prompt),
      windowMax,
      images: imageSpansOf(prompt),
    });
    if (session.end !== null) this.#parts.ending.conclude(session, nowMs);
    this.#parts.scheduler.refresh(session);
    return true;
  }

  /** Refuses a session if there is no room for any. @returns whether it was refused. */
  #refuseIfFull(address: SessionAddress, nowMs: number): boolean {
    const { retryAfterMs, sessionsMax } = this.#parts.settings;
    const obstacle = this.#obstacle(address);
    if (obstacle) {
      this.#parts.ending.refuse(address, ...obstacle);
      return true;
    }
    const quota = this.#parts.table.tenantOf(address.connection).refusal(nowMs, retryAfterMs);
    if (quota) {
      this.#parts.ending.refuseForQuota(address, quota);
      return true;
    }
    const isFull =
      this.#parts.table.size >= sessionsMax && !this.#parts.ending.forgetLongestDetached();
    const reason = isFull ? `${sessionsMax} sessions are open` : this.#overloadReason();
    if (reason !== null) this.#parts.ending.refuse(address, 'server-busy', reason);
    return reason !== null;
  }

  resume(address: SessionAddress, frame: Resume, nowMs: number): void {
    const session = this.#resumable(address, frame, nowMs);
    if (session === null) return;
    this.#leave(session);
    this.#parts.table.use(address);
    this.#parts.outbox.shape(address, session.terms.shaping);
    const { epoch, from, tokens, logprobs } = session.attach(address, frame.committedLength, nowMs);
    this.#parts.table.attach(session, address);
    const id = address.session;
    this.#parts.replies.send(session, {
      kind: 'resumed',
      session: id,
      epoch,
      from,
      tokens,
      logprobs,
    });
    // A law that is due, or the end, is said once more.
    if (session.end !== null) this.#parts.ending.conclude(session, nowMs);
    else if (session.due !== null) this.#parts.replies.verdict(session, nowMs, noDeferredTimes);
    this.#parts.scheduler.refresh(session);
  }

  /** The session that a Resume means; refused and null where it may not be resumed. */
  #resumable(address: SessionAddress, frame: Resume, nowMs: number): Session | null {
    const obstacle = this.#obstacle(address);
    if (obstacle) {
      this.#parts.ending.refuse(address, ...obstacle);
      return null;
    }
    const tenant = this.#parts.table.tenantOf(address.connection);
    const quota = tenant.exhaustion(nowMs);
    if (quota) {
      this.#parts.ending.refuseForQuota(address, quota);
      return null;
    }
    const session = this.#parts.table.byResumeKey(hex(frame.resumeKey));
    // A session of another tenant counts as none: a resume key that leaked is worth nothing without
    // the tenant's key.
    if (!session || session.terms.tenant !== tenant) {
      this.#parts.ending.refuse(address, 'resume-refused', 'no session has this key');
      return null;
    }
    if (isSameLog(session, frame)) return session;
    this.#parts.ending.refuse(
      address,
      'log-mismatch',
      `logs differ below ${frame.committedLength}`,
    );
    return null;
  }
  /** Tells the connection that a session leaves, if it still stands. */
  #leave({ address }: Session): void {
    if (address === null) return;
    this.#parts.outbox.failSession(address, 'session-taken', 'another connection has resumed it');
    this.#parts.table.detach(address, true);
  }

  /** Why no session may begin under this id, or null. */
  #obstacle({ connection, session }: SessionAddress): [WireCode, string] | null {
    if (!this.#parts.table.isFresh({ connection, session })) {
      return ['session-reused', `id ${session} is not above all earlier ones`];
    }
    if (this.#isClosed) return ['server-busy', 'the server takes no new sessions'];
    const { sessions } = this.#parts.settings.limits;
    return this.#parts.table.countOf(connection) < sessions
      ? null
      : ['sessions-exhausted', `${sessions} sessions of this connection are not closed`];
  }

  /** Why the server cannot take one more session now, or null. */
  #overloadReason(): string | null {
    const { tokenMsMax } = this.#parts.settings;
    const tokenMs = this.#parts.scheduler.loadedTokenMs;
    if (this.#parts.scheduler.readyCount === 0 || tokenMs <= tokenMsMax) return null;
    // Not how long: the number would tell how many sessions other keys have.
    return `each token would take more than ${tokenMsMax} ms`;
  }
}

function isSameLog({ log, terms }: Session, { committedLength, logHash }: Resume): boolean {
  if (committedLength < terms.promptLength || committedLength > log.length) return false;
  return tokenLogHash(log.slice(0, committedLength)) === logHash;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
