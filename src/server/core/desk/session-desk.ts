// What devices say to their sessions, frame by frame, and what a pass brings them: drafts, residual tokens, tails,
// cancelling, closing, results. Applies the state table of the protocol to every frame that arrives.

import type { ExitHint } from '../../../engine/engine.js';
import type { WireFault } from '../../../protocol/code.js';
import type { DeviceFrame, Draft, TailRequest } from '../../../protocol/frame.js';
import { eventOf, receive } from '../../../protocol/session-state.js';
import type { Connection } from '../connections.js';
import type { ConnectionId } from '../event.js';
import type { Crash, Landing } from '../passes/scheduler.js';
import type { Listener, PassTimes, Session } from '../session.js';
import type { DeskParts } from './desk-parts.js';
import { takeDraft } from './draft-intake.js';
import { Answers } from './session-answers.js';
import { Entrance } from './session-entrance.js';
import { Exits } from './session-exits.js';
import { commitOutcome, endReasonOf } from './verdict-maker.js';

export class SessionDesk {
  readonly entrance: Entrance;
  readonly exits: Exits;
  readonly #parts: DeskParts;
  readonly #answers: Answers;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#answers = new Answers(parts);
    this.exits = new Exits(parts);
    this.entrance = new Entrance(parts, this.#answers, this.exits);
  }

  /** A frame of a session, legal on its connection. */
  frame(listener: Listener, frame: DeviceFrame, nowMs: number): void {
    if (frame.kind === 'open') {
      this.entrance.open(listener, frame, nowMs);
      return;
    }
    if (frame.kind === 'resume') {
      this.entrance.resume(listener, frame, nowMs);
      return;
    }
    const session = this.#parts.table.find(listener);
    if (typeof session === 'string') {
      this.#frameOfNone(listener, frame, session);
      return;
    }
    const reception = receive(session.state, eventOf(frame, session.log.length)!, listener.session);
    if (reception.kind === 'fault') {
      this.exits.fail(session, reception.fault);
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
        this.exits.forget(session, false);
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
    if (typeof session === 'string') this.exits.refuse(listener, fault.code, fault.message);
    else this.exits.fail(session, fault);
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
      this.exits.fail(session, fault);
      return;
    }
    if (session.log.length === before) return;
    session.state = 'open';
    session.waitingSinceMs = nowMs;
    this.#parts.counters.committedCount++;
    session.terms.account.committedCount++;
    session.end = endReasonOf(session, settings.model.endOfText);
    if (session.end !== null) this.#answers.conclude(session, nowMs);
  }

  #tail(session: Session, { position }: TailRequest): void {
    const { log, pendingLaw, pendingLogprobs, listener } = session;
    if (position !== log.length || !pendingLaw) {
      const message = `no law waits at ${position}`;
      this.exits.fail(session, { code: 'residual-invalid', message, session: listener!.session });
      return;
    }
    this.#answers.send(session, {
      kind: 'tail',
      session: listener!.session,
      position,
      law: pendingLaw,
      lawLogprobs: pendingLogprobs,
    });
  }

  #cancel(session: Session, nowMs: number): void {
    session.state = 'cancelling';
    session.isCancelled = true;
    // What the pass in flight decides is committed before the end is said.
    if (session.flight === null) this.#answers.conclude(session, nowMs);
  }

  /** A connection's reader has caught up: its sessions are told what they are owed. */
  cleared(connection: ConnectionId, nowMs: number): void {
    for (const session of this.#parts.table.sessionsOf(connection)) {
      this.#answers.settle(session, nowMs);
    }
  }

  /** The beat of a connection: whatever waits goes out, or something that says nothing while an answer is written. */
  beat(connection: Connection, nowMs: number): void {
    const { table, outbox, counters } = this.#parts;
    const sessions = table.sessionsOf(connection.id);
    if (!connection.isClogged) for (const session of sessions) this.#answers.settle(session, nowMs);
    if (outbox.release(connection) > 0 || connection.isClogged || connection.state === 'failed')
      return;
    if (!sessions.some(({ end }) => end === null)) return;
    counters.coverCount++;
    outbox.sendOn(connection, { kind: 'pong', nonce: 0 });
  }

  /** Whether a connection has something to say at its next beat. */
  awaitsBeat({ id, held, state }: Connection): boolean {
    if (held.length > 0) return true;
    return state !== 'failed' && this.#parts.table.sessionsOf(id).some(({ end }) => end === null);
  }

  /** A guess for a session of the pass in flight, which its device is told where it can still use it. */
  hinted(session: Session, hint: ExitHint): void {
    if (this.#parts.table.get(session.key) === session) this.#answers.hint(session, hint);
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
        this.#endCancelled(session, nowMs);
        scheduler.refresh(session);
        continue;
      }
      if (flight.isJudged) {
        const before = session.log.length;
        commitOutcome(session, flight, outcome, settings.model.endOfText);
        counters.committedCount += session.log.length - before;
        session.terms.account.committedCount += session.log.length - before;
        session.terms.account.judged(flight.draftCount + 1, nowMs);
      }
      this.#report(session, flight.isJudged, { queueMs: flight.queueMs, passMs }, nowMs);
      scheduler.refresh(session);
      this.#endExhausted(session, nowMs);
    }
  }

  /** What has been committed is told; more of it only once the key may have more. */
  #endExhausted(session: Session, nowMs: number): void {
    if (!session.isRunning) return;
    const quota = session.terms.account.exhausted(nowMs);
    if (quota) this.exits.exhaust(session, quota);
  }

  /** A pass has failed: whoever it failed alone ends, and so does whoever was waiting for it to be cancelled. */
  crashed({ sessions, isProved }: Crash, message: string, nowMs: number): void {
    for (const session of sessions) {
      if (this.#parts.table.get(session.key) !== session) continue;
      if (isProved) this.exits.failForEngine(session, message);
      else this.#endCancelled(session, nowMs);
    }
  }

  /** The pass that a Cancel has waited for came to nothing. */
  #endCancelled(session: Session, nowMs: number): void {
    if (session.isCancelled && session.isAttached) this.#answers.conclude(session, nowMs);
  }

  #report(session: Session, isJudged: boolean, times: PassTimes, nowMs: number): void {
    if (!session.isAttached) {
      // Nobody hears of it yet; nobody needs the cache again either.
      if (session.end !== null) this.#parts.slots.forget(session);
      return;
    }
    if (session.isCancelled || session.end !== null) this.#answers.conclude(session, nowMs, times);
    else if (isJudged) this.#answers.verdict(session, nowMs, times);
  }
}
