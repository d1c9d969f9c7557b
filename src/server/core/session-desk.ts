// What devices say to their sessions and what sessions say back: opening, drafts, residual tokens, tails, resumption,
// cancelling, closing, failing. Applies the state table of the protocol to every frame.

import type { WireCode, WireFault } from '../../protocol/code.js';
import type {
  DeviceFrame,
  Draft,
  Open,
  Resume,
  ServerFrame,
  TailRequest,
} from '../../protocol/frame.js';
import { eventOf, receive, stateAfterSending } from '../../protocol/session-state.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { admit } from './admission.js';
import type { Counters } from './core-stats.js';
import { expectedAcceptance, loadedDraftLength, nextAdvice } from './draft-advice.js';
import { takeDraft } from './draft-intake.js';
import type { ConnectionId, EngineOperation } from './event.js';
import type { Outbox } from './outbox.js';
import type { Landing, Scheduler } from './scheduler.js';
import { type Listener, Session } from './session.js';
import type { SessionTable } from './session-table.js';
import type { CoreSettings } from './settings.js';
import type { SlotTable } from './slots.js';
import { commitOutcome, endReasonOf, makeVerdict } from './verdict-maker.js';

export interface DeskParts {
  readonly settings: CoreSettings;
  readonly outbox: Outbox;
  readonly table: SessionTable;
  readonly slots: SlotTable;
  readonly scheduler: Scheduler;
  readonly counters: Counters;
}

/** Slots that fail under one session before the session does. */
const slotFailuresMax = 3;
/** Passes to learn from before anybody is advised: a line through two points says what it likes. */
const adviceFrom = 16;

export class SessionDesk {
  isDraining = false;
  readonly #parts: DeskParts;
  #nextKey = 1;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** A frame of a session, legal on its connection. */
  frame(listener: Listener, frame: DeviceFrame, nowMs: number): void {
    if (frame.kind === 'open') {
      this.#open(listener, frame, nowMs);
      return;
    }
    if (frame.kind === 'resume') {
      this.#resume(listener, frame, nowMs);
      return;
    }
    const session = this.#parts.table.find(listener);
    if (typeof session === 'string') {
      this.#frameOfNone(listener, frame, session);
      return;
    }
    const reception = receive(session.state, eventOf(frame, session.log.length)!, listener.session);
    if (reception.kind === 'fault') {
      this.#fail(session, reception.fault);
      return;
    }
    if (reception.kind === 'late') return;
    this.#legalFrame(session, frame, nowMs);
    if (this.#parts.table.get(session.key)) this.#parts.scheduler.refresh(session);
  }

  #legalFrame(session: Session, frame: DeviceFrame, nowMs: number): void {
    switch (frame.kind) {
      case 'draft':
        this.#draft(session, frame, nowMs);
        return;
      case 'tail-request':
        this.#tail(session, frame);
        return;
      case 'cancel':
        this.#cancel(session, nowMs);
        return;
      case 'close':
        this.#forget(session, false);
        return;
      default:
        return;
    }
  }

  /** The id's session has failed, is closed, or never was. */
  #frameOfNone(listener: Listener, frame: DeviceFrame, was: 'failed' | 'closed' | 'unused'): void {
    const { table, outbox } = this.#parts;
    if (was === 'failed') {
      if (frame.kind === 'close') table.clear(listener);
      return;
    }
    // Closing twice changes nothing.
    if (was === 'closed' && frame.kind === 'close') return;
    const reception = receive(was, eventOf(frame, 0)!, listener.session);
    if (reception.kind !== 'fault') return;
    this.#parts.counters.failureCount++;
    outbox.failSession(listener, reception.fault.code, reception.fault.message);
  }

  /** What arrived for a session is no legal frame. */
  fault(listener: Listener, fault: WireFault): void {
    const session = this.#parts.table.find(listener);
    if (session === 'failed') return;
    if (typeof session === 'string') this.#refuse(listener, fault.code, fault.message);
    else this.#fail(session, fault);
  }

  #open(listener: Listener, frame: Open, nowMs: number): void {
    const { settings, table, outbox } = this.#parts;
    const obstacle = this.#obstacle(listener);
    if (obstacle) {
      this.#refuse(listener, ...obstacle);
      return;
    }
    if (table.size >= settings.sessionsMax) {
      this.#refuse(listener, 'server-busy', `${settings.sessionsMax} sessions are open`);
      return;
    }
    const admission = admit(frame, settings);
    if ('code' in admission) {
      this.#refuse(listener, admission.code, admission.message);
      return;
    }
    const { terms, log } = admission;
    const resumeKey = settings.randomBytes(16);
    const session = new Session(this.#nextKey++, terms, log, hex(resumeKey), listener, nowMs);
    table.use(listener);
    table.add(session);
    const { promptLength, windowMax } = terms;
    outbox.send(listener, {
      kind: 'opened',
      session: listener.session,
      resumeKey,
      promptLength,
      promptIds: frame.prompt.kind === 'ids' ? new Int32Array(0) : log.slice(0, promptLength),
      windowMax,
    });
    session.end = endReasonOf(session, settings.model.endOfText);
    if (session.end !== null) this.#conclude(session, nowMs);
    this.#parts.scheduler.refresh(session);
  }

  /** Why no session may begin under this id, whatever it is. */
  #obstacle(listener: Listener): [WireCode, string] | null {
    const { settings, table } = this.#parts;
    if (!table.isFresh(listener)) {
      return ['session-reused', `id ${listener.session} is not above all earlier ones`];
    }
    if (this.isDraining) return ['server-busy', 'the server takes no new sessions'];
    const { sessions } = settings.limits;
    return table.countOf(listener.connection) < sessions
      ? null
      : ['sessions-exhausted', `${sessions} sessions of this connection are not closed`];
  }

  /** Refuses a new session. Under an id that is in use, the session there ends with it: both ends must agree. */
  #refuse(listener: Listener, code: WireCode, message: string): void {
    const { table, outbox, settings, counters } = this.#parts;
    const known = table.find(listener);
    if (typeof known !== 'string') {
      this.#fail(known, { code, message, session: listener.session });
      return;
    }
    if (known === 'unused') {
      table.use(listener);
      // Beyond the limit the id is forgotten at once: what still comes for it is answered, not remembered.
      if (table.countOf(listener.connection) < settings.limits.sessions) table.fail(listener);
    }
    counters.failureCount++;
    outbox.failSession(listener, code, message);
  }

  #draft(session: Session, frame: Draft, nowMs: number): void {
    const { settings } = this.#parts;
    const bounds = {
      vocabSize: settings.model.vocabSize,
      draftTokensMax: settings.limits.draftTokens,
    };
    const before = session.log.length;
    const fault = takeDraft(session, frame, bounds, nowMs);
    if (fault) {
      this.#fail(session, fault);
      return;
    }
    if (session.log.length === before) return;
    session.state = 'open';
    session.waitingSinceMs = nowMs;
    this.#parts.counters.committedCount++;
    session.end = endReasonOf(session, settings.model.endOfText);
    if (session.end !== null) this.#conclude(session, nowMs);
  }

  #tail(session: Session, { position }: TailRequest): void {
    const { log, pendingLaw, listener } = session;
    if (position !== log.length || !pendingLaw) {
      const message = `no law waits at ${position}`;
      this.#fail(session, { code: 'residual-invalid', message, session: listener!.session });
      return;
    }
    this.#send(session, {
      kind: 'tail',
      session: listener!.session,
      position,
      law: pendingLaw,
    });
  }

  #cancel(session: Session, nowMs: number): void {
    session.state = 'cancelling';
    session.isCancelled = true;
    // What the pass in flight decides is committed before the end is said.
    if (session.flight === null) this.#conclude(session, nowMs);
  }

  #resume(listener: Listener, frame: Resume, nowMs: number): void {
    const { table } = this.#parts;
    const obstacle = this.#obstacle(listener);
    if (obstacle) {
      this.#refuse(listener, ...obstacle);
      return;
    }
    const session = table.byResumeKey(hex(frame.resumeKey));
    if (!session) {
      this.#refuse(listener, 'resume-refused', 'no session has this key');
      return;
    }
    if (!this.#isSameLog(session, frame)) {
      this.#refuse(listener, 'log-mismatch', `logs differ below ${frame.committedLength}`);
      return;
    }
    this.#takeOver(session, listener);
    session.told = frame.committedLength;
    session.drafts.clear();
    session.askedAt = null;
    this.#send(session, {
      kind: 'resumed',
      session: listener.session,
      epoch: session.drafts.epoch,
      from: session.told,
      tokens: session.log.slice(session.told),
    });
    session.told = session.log.length;
    session.answerCount++;
    session.waitingSinceMs = nowMs;
    this.#repeatLast(session, nowMs);
    this.#parts.scheduler.refresh(session);
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
      this.#conclude(session, nowMs);
    } else if (session.pendingLaw) {
      this.#sendVerdict(session, 0, 0, nowMs);
    }
  }

  /** Results of a pass. */
  landed(landings: readonly Landing[], nowMs: number): void {
    const { table, scheduler, slots, settings, counters } = this.#parts;
    for (const { session, outcome, passMs } of landings) {
      const { flight } = session;
      session.flight = null;
      if (!flight || table.get(session.key) !== session) continue;
      if (flight.isSpoilt) {
        slots.release(session);
        scheduler.refresh(session);
        continue;
      }
      if (flight.isJudged) {
        const before = session.log.length;
        commitOutcome(session, flight, outcome, settings.model.endOfText);
        counters.committedCount += session.log.length - before;
      }
      this.#report(session, flight.isJudged, { queueMs: flight.queueMs, passMs }, nowMs);
      scheduler.refresh(session);
    }
  }

  #report(
    session: Session,
    isJudged: boolean,
    { queueMs, passMs }: { readonly queueMs: number; readonly passMs: number },
    nowMs: number,
  ): void {
    if (!session.isAttached) {
      // Nobody hears of it yet; nobody needs the cache again either.
      if (session.end !== null) this.#parts.slots.forget(session);
      return;
    }
    if (session.isCancelled || session.end !== null)
      this.#conclude(session, nowMs, queueMs, passMs);
    else if (isJudged) this.#sendVerdict(session, queueMs, passMs, nowMs);
  }

  /** Says the last verdict; the slot is free from here on, the log stays for a resumption. */
  #conclude(session: Session, nowMs: number, queueMs = 0, passMs = 0): void {
    session.end ??= 'cancelled';
    session.pendingLaw = null;
    this.#sendVerdict(session, queueMs, passMs, nowMs);
    this.#parts.slots.forget(session);
    session.drafts.clear();
  }

  #sendVerdict(session: Session, queueMs: number, verifyMs: number, nowMs: number): void {
    const { counters } = this.#parts;
    const advisedDraftLength = session.end === null ? this.#advise(session) : null;
    const times = { queueMs, verifyMs, advisedDraftLength };
    const verdict = makeVerdict(session, session.listener!.session, times);
    counters.verdictCount++;
    counters.acceptedCount += verdict.acceptedCount;
    counters.testedCount += verdict.acceptedCount + verdict.rejectedCount;
    if (queueMs + verifyMs > 0) counters.verdictMs.add(queueMs + verifyMs);
    session.lastVerdictAtMs = nowMs;
    this.#send(session, verdict);
  }

  #advise(session: Session): number | null {
    const { scheduler, settings } = this.#parts;
    const { passCount } = scheduler.passTime.error;
    if (session.terms.mode === 'stream' || passCount < adviceFrom) return null;
    const lengthMax = settings.limits.draftTokens;
    const rate = expectedAcceptance(session.acceptedCount, session.testedCount);
    const ideal = loadedDraftLength(scheduler.load, rate, lengthMax);
    const advice = nextAdvice(session.advice, ideal, lengthMax);
    if (advice !== null) session.advice = advice;
    return advice;
  }

  #send(session: Session, frame: ServerFrame): void {
    session.state = stateAfterSending(session.state, eventOf(frame, session.log.length)!);
    this.#parts.outbox.send(session.listener!, frame);
  }

  /** Sessions that failed alone in a pass. */
  crashed(sessions: readonly Session[], message: string): void {
    for (const session of sessions) this.#failForEngine(session, message);
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
    if (session.flight === null) slots.release(session);
    else session.flight.isSpoilt = true;
    session.failureCount++;
    if (session.failureCount >= slotFailuresMax) this.#failForEngine(session, message);
    else scheduler.refresh(session);
  }

  #failForEngine(session: Session, message: string): void {
    if (this.#parts.table.get(session.key) !== session) return;
    const id = session.listener?.session ?? 0;
    this.#fail(session, { code: 'engine-failed', message, session: id });
  }

  /** Ends a session for a fault of its device or ours. */
  #fail(session: Session, { code, message }: WireFault): void {
    this.#parts.counters.failureCount++;
    if (session.listener) this.#parts.outbox.failSession(session.listener, code, message);
    this.#forget(session, true);
  }

  #forget(session: Session, isFailed: boolean): void {
    const { table, slots, scheduler } = this.#parts;
    table.detach(session, isFailed);
    table.remove(session);
    slots.forget(session);
    scheduler.forget(session);
  }

  /** The connection is gone: its sessions wait for a resumption, without using the engine. */
  detachAll(connection: ConnectionId, nowMs: number): void {
    const { table, scheduler, settings } = this.#parts;
    for (const session of table.closeDesk(connection)) {
      session.listener = null;
      session.detachedAtMs = nowMs;
      session.drafts.clear();
      scheduler.refresh(session);
      if (settings.limits.resumeMs === 0) this.#forget(session, false);
    }
  }

  /** Forgets sessions that nobody has come back for. */
  expire(nowMs: number): void {
    const { table, settings } = this.#parts;
    for (const session of [...table.values()]) {
      const { detachedAtMs } = session;
      if (detachedAtMs === null || nowMs - detachedAtMs < settings.limits.resumeMs) continue;
      this.#forget(session, false);
    }
  }

  /** Forgets all sessions without a connection: the server is going away. */
  forgetDetached(): void {
    for (const session of [...this.#parts.table.values()]) {
      if (!session.isAttached) this.#forget(session, false);
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
