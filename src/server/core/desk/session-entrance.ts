// How sessions begin: opened with a prompt, or resumed on another connection from the log the server kept.

import type { WireCode } from '../../../protocol/code.js';
import type { Open, Resume } from '../../../protocol/frame.js';
import { tokenLogHash } from '../../../protocol/token-log-hash.js';
import type { QuotaRefusal } from '../keys/account.js';
import { type Listener, Session } from '../session.js';
import { admit } from './admission.js';
import type { DeskParts } from './desk-parts.js';
import type { Answers } from './session-answers.js';
import type { Exits } from './session-exits.js';
import { endReasonOf } from './verdict-maker.js';

export class Entrance {
  /** No session begins any more. */
  isClosed = false;
  readonly #parts: DeskParts;
  readonly #answers: Answers;
  readonly #exits: Exits;
  #nextKey = 1;

  constructor(parts: DeskParts, answers: Answers, exits: Exits) {
    this.#parts = parts;
    this.#answers = answers;
    this.#exits = exits;
  }

  open(listener: Listener, frame: Open, nowMs: number): void {
    const { settings, table, outbox } = this.#parts;
    const account = table.accountOf(listener.connection);
    const obstacle = this.#obstacle(listener);
    if (obstacle) {
      this.#exits.refuse(listener, ...obstacle);
      return;
    }
    const quota = account.obstacle(nowMs, settings.retryAfterMs);
    if (quota) {
      this.#refuseForQuota(listener, quota);
      return;
    }
    if (table.size >= settings.sessionsMax && !this.#exits.forgetLongestDetached()) {
      this.#exits.refuse(listener, 'server-busy', `${settings.sessionsMax} sessions are open`);
      return;
    }
    const crowded = this.#crowded();
    if (crowded !== null) {
      this.#exits.refuse(listener, 'server-busy', crowded);
      return;
    }
    const admission = admit(frame, account, settings);
    if ('code' in admission) {
      this.#exits.refuse(listener, admission.code, admission.message);
      return;
    }
    const { terms, log } = admission;
    const resumeKey = settings.randomBytes(16);
    const session = new Session(this.#nextKey++, terms, log, hex(resumeKey), listener, nowMs);
    table.use(listener);
    table.add(session);
    const { promptLength, windowMax, cover } = terms;
    outbox.cover(listener, cover, nowMs);
    outbox.send(listener, {
      kind: 'opened',
      session: listener.session,
      resumeKey,
      promptLength,
      promptIds: frame.prompt.kind === 'ids' ? new Int32Array(0) : log.slice(0, promptLength),
      windowMax,
    });
    session.end = endReasonOf(session, settings.model.endOfText);
    if (session.end !== null) this.#answers.conclude(session, nowMs);
    this.#parts.scheduler.refresh(session);
  }

  resume(listener: Listener, frame: Resume, nowMs: number): void {
    const { table, outbox } = this.#parts;
    const obstacle = this.#obstacle(listener);
    if (obstacle) {
      this.#exits.refuse(listener, ...obstacle);
      return;
    }
    const account = table.accountOf(listener.connection);
    const quota = account.exhausted(nowMs);
    if (quota) {
      this.#refuseForQuota(listener, quota);
      return;
    }
    const session = table.byResumeKey(hex(frame.resumeKey));
    // A session of another key is none: a resume key that leaked is worth nothing without the key it belongs to.
    if (!session || session.terms.account !== account) {
      this.#exits.refuse(listener, 'resume-refused', 'no session has this key');
      return;
    }
    if (!this.#isSameLog(session, frame)) {
      this.#exits.refuse(listener, 'log-mismatch', `logs differ below ${frame.committedLength}`);
      return;
    }
    this.#takeOver(session, listener);
    outbox.cover(listener, session.terms.cover, nowMs);
    session.told = frame.committedLength;
    session.drafts.clear();
    session.askedAt = null;
    session.owed = null;
    this.#answers.send(session, {
      kind: 'resumed',
      session: listener.session,
      epoch: session.drafts.epoch,
      from: session.told,
      tokens: session.log.slice(session.told),
      logprobs: session.logprobs?.between(session.told, session.log.length) ?? null,
    });
    session.told = session.log.length;
    session.answerCount++;
    session.waitingSinceMs = nowMs;
    this.#repeatLast(session, nowMs);
    this.#parts.scheduler.refresh(session);
  }

  /** Why one more session would be one too many, or null. */
  #crowded(): string | null {
    const { scheduler, settings } = this.#parts;
    const tokenMs = scheduler.crowdedTokenMs;
    if (scheduler.readyCount === 0 || tokenMs <= settings.tokenMsMax) return null;
    return `each token would take ${Math.round(tokenMs)} ms, more than ${settings.tokenMsMax}`;
  }

  #refuseForQuota(listener: Listener, { code, message, retryAfterMs }: QuotaRefusal): void {
    this.#parts.table.accountOf(listener.connection).refusalCount++;
    this.#parts.counters.quotaRefusalCount++;
    this.#exits.refuse(listener, code, message, retryAfterMs);
  }

  /** Why no session may begin under this id, whatever it is. */
  #obstacle(listener: Listener): [WireCode, string] | null {
    const { settings, table } = this.#parts;
    if (!table.isFresh(listener)) {
      return ['session-reused', `id ${listener.session} is not above all earlier ones`];
    }
    if (this.isClosed) return ['server-busy', 'the server takes no new sessions'];
    const { sessions } = settings.limits;
    return table.countOf(listener.connection) < sessions
      ? null
      : ['sessions-exhausted', `${sessions} sessions of this connection are not closed`];
  }

  #isSameLog({ log, terms }: Session, { committedLength, logHash }: Resume): boolean {
    if (committedLength < terms.promptLength || committedLength > log.length) return false;
    return tokenLogHash(log.slice(0, committedLength)) === logHash;
  }

  #takeOver(session: Session, listener: Listener): void {
    const { table, outbox } = this.#parts;
    if (session.listener) {
      outbox.failSession(session.listener, 'session-taken', 'another connection has resumed it');
      table.detach(session, true);
    }
    table.use(listener);
    session.listener = listener;
    session.detachedAtMs = null;
    session.state = 'resuming';
    table.attach(session);
  }

  /** After a resumption: a law that waits for its token, or the end, is said once more. */
  #repeatLast(session: Session, nowMs: number): void {
    if (session.end !== null || (session.isCancelled && session.flight === null)) {
      this.#answers.conclude(session, nowMs);
    } else if (session.pendingLaw) {
      this.#answers.verdict(session, nowMs);
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
