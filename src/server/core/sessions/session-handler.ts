// What devices say to their sessions, frame by frame, and what a pass brings them: drafts, residual tokens, tails,
// cancelling, closing, results. Applies the state table of the protocol to every frame that arrives.

import type { ExitHint } from '../../../engine/engine.js';
import type { WireFault } from '../../../protocol/code.js';
import type { DeviceFrame, Draft, TailRequest } from '../../../protocol/frame.js';
import { eventOf, receive } from '../../../protocol/session-state.js';
import type { Connection } from '../connections.js';
import type { ConnectionId } from '../event.js';
import type { CompletedSegment, FailedPass } from '../passes/scheduler.js';
import type { PassTimes, Session, SessionAddress } from '../session.js';
import { commitOutcome, endReasonOf } from './make-verdict.js';
import { receiveDraft } from './receive-draft.js';
import { SessionEnd } from './session-end.js';
import { SessionOpen } from './session-open.js';
import type { SessionParts } from './session-parts.js';
import { SessionReplies } from './session-replies.js';

export class SessionHandler {
  readonly opening: SessionOpen;
  readonly ending: SessionEnd;
  readonly #parts: SessionParts;
  readonly #replies: SessionReplies;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#replies = new SessionReplies(parts);
    this.ending = new SessionEnd(parts);
    this.opening = new SessionOpen(parts, this.#replies, this.ending);
  }

  /** A frame of a session, legal on its connection. */
  frame(address: SessionAddress, frame: DeviceFrame, nowMs: number): void {
    if (frame.kind === 'open') {
      this.opening.open(address, frame, nowMs);
      return;
    }
    if (frame.kind === 'resume') {
      this.opening.resume(address, frame, nowMs);
      return;
    }
    const session = this.#parts.table.find(address);
    if (typeof session === 'string') {
      this.#frameOfNone(address, frame, session);
      return;
    }
    const reception = receive(session.state, eventOf(frame, session.log.length)!, address.session);
    if (reception.kind === 'fault') {
      this.ending.fail(session, reception.fault);
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
        this.ending.forget(session, false);
        return;
      default:
        return;
    }
  }

  /** The id's session has failed, is closed, or never was. */
  #frameOfNone(
    address: SessionAddress,
    frame: DeviceFrame,
    was: 'failed' | 'closed' | 'unused',
  ): void {
    const { table, outbox } = this.#parts;
    if (was === 'failed') {
      if (frame.kind === 'close') table.clear(address);
      return;
    }
    // Closing twice changes nothing.
    if (was === 'closed' && frame.kind === 'close') return;
    const reception = receive(was, eventOf(frame, 0)!, address.session);
    if (reception.kind !== 'fault') return;
    this.#parts.counters.failureCount++;
    outbox.failSession(address, reception.fault.code, reception.fault.message);
  }

  /** What arrived for a session is no legal frame. */
  fault(address: SessionAddress, fault: WireFault): void {
    const session = this.#parts.table.find(address);
    if (session === 'failed') return;
    if (typeof session === 'string') this.ending.refuse(address, fault.code, fault.message);
    else this.ending.fail(session, fault);
  }

  #draft(session: Session, frame: Draft, nowMs: number): void {
    const { settings } = this.#parts;
    const bounds = {
      vocabSize: settings.model.vocabSize,
      draftTokensMax: settings.limits.draftTokens,
    };
    const before = session.log.length;
    const fault = receiveDraft(session, frame, bounds, nowMs);
    if (fault) {
      this.ending.fail(session, fault);
      return;
    }
    if (session.log.length === before) return;
    session.state = 'open';
    session.waitingSinceMs = nowMs;
    this.#parts.counters.committedCount++;
    session.terms.tenant.committedCount++;
    session.end = endReasonOf(session, settings.model.endOfText);
    if (session.end !== null) this.#replies.conclude(session, nowMs);
  }

  #tail(session: Session, { position }: TailRequest): void {
    const { log, pendingLaw, pendingLogprobs, address } = session;
    if (position !== log.length || !pendingLaw) {
      const message = `no law waits at ${position}`;
      this.ending.fail(session, { code: 'residual-invalid', message, session: address!.session });
      return;
    }
    this.#replies.send(session, {
      kind: 'tail',
      session: address!.session,
      position,
      law: pendingLaw,
      lawLogprobs: pendingLogprobs,
    });
  }

  #cancel(session: Session, nowMs: number): void {
    session.state = 'cancelling';
    session.isCancelled = true;
    // The last verdict says what was kept back, too: none may go out before it.
    session.deferredTimes = null;
    // What the pass in flight decides is committed before the end is said.
    if (session.inInFlight === null) this.#replies.conclude(session, nowMs);
  }

  /** A connection's reader has caught up: its sessions are told what they are owed. */
  drained(connection: ConnectionId, nowMs: number): void {
    for (const session of this.#parts.table.sessionsOf(connection)) {
      this.#replies.sendDeferred(session, nowMs);
    }
  }

  /** The beat of a connection: whatever waits goes out, or something that says nothing while an answer is written. */
  flush(connection: Connection, nowMs: number): void {
    const { table, outbox, counters } = this.#parts;
    const sessions = table.sessionsOf(connection.id);
    if (!connection.isClogged)
      for (const session of sessions) this.#replies.sendDeferred(session, nowMs);
    if (outbox.releaseHeld(connection) > 0 || connection.isClogged || connection.state === 'failed')
      return;
    if (!sessions.some(({ end }) => end === null)) return;
    counters.coverCount++;
    outbox.sendOn(connection, { kind: 'pong', nonce: 0 });
  }

  /** Whether a connection has something to say at its next beat. */
  awaitsFlush({ id, heldFrames: held, state }: Connection): boolean {
    if (held.length > 0) return true;
    return state !== 'failed' && this.#parts.table.sessionsOf(id).some(({ end }) => end === null);
  }

  /** A guess for a session of the pass in flight, which its device is told where it can still use it. */
  hinted(session: Session, hint: ExitHint): void {
    if (this.#parts.table.get(session.key) === session) this.#replies.hint(session, hint);
  }

  /** Results of a pass. */
  passCompleted(landings: readonly CompletedSegment[], nowMs: number): void {
    const { table, scheduler, slots, settings, counters } = this.#parts;
    for (const { session, outcome, passMs } of landings) {
      const { inInFlight: inFlight } = session;
      session.inInFlight = null;
      if (!inFlight || table.get(session.key) !== session) continue;
      if (inFlight.isInvalid) {
        slots.release(session);
        this.#endCancelled(session, nowMs);
        scheduler.refresh(session);
        continue;
      }
      if (inFlight.isJudged) {
        const before = session.log.length;
        commitOutcome(session, inFlight, outcome, settings.model.endOfText);
        counters.committedCount += session.log.length - before;
        session.terms.tenant.committedCount += session.log.length - before;
        session.terms.tenant.countJudged(inFlight.draftCount + 1, nowMs);
      }
      this.#report(session, inFlight.isJudged, { queueMs: inFlight.queueMs, passMs }, nowMs);
      scheduler.refresh(session);
      this.#endExhausted(session, nowMs);
    }
  }

  /** What has been committed is told; more of it only once the key may have more. */
  #endExhausted(session: Session, nowMs: number): void {
    if (!session.isRunning) return;
    const quota = session.terms.tenant.isExhausted(nowMs);
    if (quota) this.ending.exhaust(session, quota);
  }

  /** A pass has failed: whoever it failed alone ends, and so does whoever was waiting for it to be cancelled. */
  passFailed({ sessions, isProved }: FailedPass, message: string, nowMs: number): void {
    for (const session of sessions) {
      if (this.#parts.table.get(session.key) !== session) continue;
      if (isProved) this.ending.failForEngine(session, message);
      else this.#endCancelled(session, nowMs);
    }
  }

  /** The pass that a Cancel has waited for came to nothing. */
  #endCancelled(session: Session, nowMs: number): void {
    if (session.isCancelled && session.isAttached) this.#replies.conclude(session, nowMs);
  }

  #report(session: Session, isJudged: boolean, times: PassTimes, nowMs: number): void {
    if (!session.isAttached) {
      // Nobody hears of it yet; nobody needs the cache again either.
      if (session.end !== null) this.#parts.slots.forget(session);
      return;
    }
    if (session.isCancelled || session.end !== null) this.#replies.conclude(session, nowMs, times);
    else if (isJudged) this.#replies.verdict(session, nowMs, times);
  }
}
