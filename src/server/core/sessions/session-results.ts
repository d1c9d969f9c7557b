// Applies the engine's results to sessions: commits a pass and replies, and ends sessions whose
// pass or slot has failed.

import type { CoreParts } from '../core-parts.js';
import type { CompletedSegment, FailedPass } from '../passes/scheduler.js';
import type { Session } from '../session.js';
import { noDeferredTimes } from '../session-status.js';
import type { SessionEnd } from './session-end.js';
import type { SessionReplies } from './session-replies.js';

export interface SessionResultsParts extends CoreParts {
  readonly replies: SessionReplies;
  readonly ending: SessionEnd;
}

/** Slots that fail under one session before the session does. */
const slotFailuresMax = 3;

export class SessionResults {
  readonly #parts: SessionResultsParts;

  constructor(parts: SessionResultsParts) {
    this.#parts = parts;
  }

  /** A session's part of a pass that has ended well: commits it and tells the device. */
  commitSegment({ session, outcome, passMs }: CompletedSegment, nowMs: number): void {
    const { segment } = session;
    // Forgotten during the pass.
    if (segment === null) return;
    const before = session.log.length;
    const { sources, serverTests } = session;
    const wasVoid = session.drafts.isVoid;
    const isValid = session.commitPass(outcome, nowMs);
    const isJudged = isValid && segment.isJudged;
    if (isJudged) {
      const judgedCount = segment.draftCount + segment.server.tokens.length + 1;
      this.#count(session, session.log.length - before, judgedCount, nowMs);
      const committedCount = session.log.length - before;
      const isBroken = session.drafts.isVoid && !wasVoid;
      this.#parts.speculation.judged(session, segment, outcome, committedCount, isBroken, nowMs);
      this.#parts.counters.countSources(sources, session.sources);
      this.#parts.counters.countTests(serverTests, session.serverTests);
      if (judgedCount > 1) this.#parts.counters.roundCount++;
    }
    if (segment.queueMs > 0) this.#parts.told.addQueue(segment.queueMs);
    const times = isValid ? { queueMs: segment.queueMs, passMs } : noDeferredTimes;
    if (session.end !== null) this.#parts.ending.conclude(session, nowMs, times);
    else if (isJudged && session.isAttached) this.#parts.replies.verdict(session, nowMs, times);
    this.#parts.scheduler.refresh(session);
    this.#endExhausted(session, nowMs);
  }

  #count({ terms: { tenant } }: Session, committed: number, judged: number, nowMs: number): void {
    this.#parts.counters.committedCount += committed;
    tenant.countCommitted(committed);
    tenant.countJudged(judged, nowMs);
  }

  /** Ends a session whose key has used up what it may. What is committed has been told. */
  #endExhausted(session: Session, nowMs: number): void {
    if (!session.isRunning) return;
    const quota = session.terms.tenant.exhaustion(nowMs);
    if (quota) this.#parts.ending.exhaust(session, quota);
  }

  /** A pass has failed. Only a session that was alone in it for the second time ends for that. */
  passFailed({ sessions, isProved }: FailedPass, message: string, nowMs: number): void {
    for (const session of sessions) {
      if (session.isForgotten) continue;
      if (isProved) this.#parts.ending.failForEngine(session, message);
      // Cancelled, it has waited for this pass.
      else if (session.end !== null) this.#parts.ending.conclude(session, nowMs);
    }
  }

  /** A slot could not be set up: the session gets another, filled from its log. */
  slotFailed(session: Session, message: string): void {
    // An ended session has no slot any more.
    if (session.isForgotten || session.end !== null) return;
    this.#parts.slots.release(session);
    session.slotFailed();
    if (session.slotFailureCount >= slotFailuresMax)
      this.#parts.ending.failForEngine(session, message);
    else this.#parts.scheduler.refresh(session);
  }
}
