// Applies the engine's results to sessions: commits a pass and replies, passes hints on, and ends
// sessions whose pass or slot has failed.

import type { ExitHint } from '../../../engine/engine.js';
import type { Counters } from '../core-stats.js';
import type { EngineOperation } from '../event.js';
import type { CompletedSegment, FailedPass, Scheduler } from '../passes/scheduler.js';
import type { SlotTable } from '../passes/slot-table.js';
import type { Session } from '../session.js';
import { noDeferredTimes } from '../session-status.js';
import type { SessionEnd } from './session-end.js';
import type { SessionReplies } from './session-replies.js';

export interface SessionResultsParts {
  readonly slots: SlotTable;
  readonly scheduler: Scheduler;
  readonly replies: SessionReplies;
  readonly ending: SessionEnd;
  readonly counters: Counters;
}

/** Slots that fail under one session before the session does. */
const slotFailuresMax = 3;

export class SessionResults {
  readonly #slots: SlotTable;
  readonly #scheduler: Scheduler;
  readonly #replies: SessionReplies;
  readonly #ending: SessionEnd;
  readonly #counters: Counters;

  constructor({ slots, scheduler, replies, ending, counters }: SessionResultsParts) {
    this.#slots = slots;
    this.#scheduler = scheduler;
    this.#replies = replies;
    this.#ending = ending;
    this.#counters = counters;
  }

  /** A guess for a session of the pass in flight. */
  hinted(session: Session, hint: ExitHint): void {
    this.#replies.hint(session, hint);
  }

  /** A session's part of a pass that has ended well: commits it and tells the device. */
  passEnded({ session, outcome, passMs }: CompletedSegment, nowMs: number): void {
    const { segment } = session;
    // Forgotten during the pass.
    if (segment === null) return;
    const before = session.log.length;
    const isValid = session.passEnded(outcome, nowMs);
    if (!isValid) this.#slots.release(session);
    const isJudged = isValid && segment.isJudged;
    if (isJudged) this.#count(session, session.log.length - before, segment.draftCount + 1, nowMs);
    const times = isValid ? { queueMs: segment.queueMs, passMs } : noDeferredTimes;
    if (session.end !== null) this.#ending.conclude(session, nowMs, times);
    else if (isJudged && session.isAttached) this.#replies.verdict(session, nowMs, times);
    this.#scheduler.refresh(session);
    if (isValid) this.#endExhausted(session, nowMs);
  }

  #count({ terms: { tenant } }: Session, committed: number, judged: number, nowMs: number): void {
    this.#counters.committedCount += committed;
    tenant.committedCount += committed;
    tenant.countJudged(judged, nowMs);
  }

  /** Ends a session whose key has used up what it may. What is committed has been told. */
  #endExhausted(session: Session, nowMs: number): void {
    if (!session.isRunning) return;
    const quota = session.terms.tenant.isExhausted(nowMs);
    if (quota) this.#ending.exhaust(session, quota);
  }

  /** A pass has failed. Only a session that was alone in it for the second time ends for that. */
  passFailed({ sessions, isProved }: FailedPass, message: string, nowMs: number): void {
    for (const session of sessions) {
      if (session.isForgotten) continue;
      if (isProved) this.#ending.failForEngine(session, message);
      // Cancelled, it has waited for this pass.
      else if (session.end !== null) this.#ending.conclude(session, nowMs);
    }
  }

  /**
   * An operation on a session's slot has failed: the session gets another slot, filled from its
   * log.
   */
  slotFailed(session: Session, id: number, kind: EngineOperation['kind'], message: string): void {
    if (kind === 'save') {
      this.#slots.images.fail(session, id);
      return;
    }
    // An ended session has no slot any more.
    if (session.isForgotten || session.end !== null) return;
    if (session.segment === null) this.#slots.release(session);
    session.slotFailed();
    if (session.slotFailureCount >= slotFailuresMax) this.#ending.failForEngine(session, message);
    else this.#scheduler.refresh(session);
  }
}
