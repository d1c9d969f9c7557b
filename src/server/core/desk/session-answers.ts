// What a session is told: verdicts with their advice, the last of them, and whatever else answers a frame. Applies the
// state table to every frame sent; judges nothing.

import type { ExitHint } from '../../../engine/engine.js';
import type { ServerFrame } from '../../../protocol/frame.js';
import { limits } from '../../../protocol/limits.js';
import { eventOf, stateAfterSending } from '../../../protocol/session-state.js';
import { trustedLength } from '../keys/draft-trust.js';
import {
  adviceFrom,
  expectedAcceptance,
  loadedDraftLength,
  nextAdvice,
} from '../passes/draft-advice.js';
import type { PassTimes, Session } from '../session.js';
import type { DeskParts } from './desk-parts.js';
import { makeVerdict } from './verdict-maker.js';

const noTimes: PassTimes = { queueMs: 0, passMs: 0 };

/** Tokens that a slow reader may be owed: one more pass still fits into one Verdict. */
const owedTokensMax = limits.verdictTokens.value - limits.draftTokens.value - 1;

export class Answers {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  send(session: Session, frame: ServerFrame): void {
    session.state = stateAfterSending(session.state, eventOf(frame, session.log.length)!);
    this.#parts.outbox.send(session.listener!, frame);
  }

  /** Tells an early exit's guess; nothing where the chain it is of has ended or nobody reads at this moment. */
  hint(session: Session, { position, candidates, confidences }: ExitHint): void {
    const { flight, listener, drafts, terms, isRunning } = session;
    if (!terms.wantsHints || !isRunning || flight === null || flight.isSpoilt) return;
    const isOfChain = flight.epoch === drafts.epoch && !drafts.isVoid;
    // Padding stands for drafts that nobody made.
    if (!isOfChain || position > flight.from + flight.draftCount) return;
    if (this.#parts.outbox.isClogged(listener!)) return;
    this.#parts.counters.hintCount++;
    this.send(session, {
      kind: 'hint',
      session: listener!.session,
      epoch: flight.epoch,
      position,
      candidates: candidates.slice(0, limits.hintCandidates.value),
      confidences: Float32Array.from(confidences.subarray(0, limits.hintCandidates.value)),
    });
  }

  /** Says the last verdict; the slot is free from here on, the log stays for a resumption. */
  conclude(session: Session, nowMs: number, times = noTimes): void {
    session.end ??= 'cancelled';
    session.pendingLaw = null;
    session.pendingLogprobs = null;
    this.verdict(session, nowMs, times);
    this.#parts.slots.forget(session);
    session.drafts.clear();
  }

  /**
   * Says what has been committed since the last verdict; to a slow reader, or between two beats, later, together with what
   * follows: it reads one frame for many, and nothing in it depends on when it is said.
   */
  verdict(session: Session, nowMs: number, times = noTimes): void {
    if (this.#canWait(session)) session.owed = times;
    else this.#say(session, nowMs, times);
  }

  /** Its reader has caught up, or the beat has come. */
  settle(session: Session, nowMs: number): void {
    if (session.owed !== null) this.#say(session, nowMs, session.owed);
  }

  #canWait({ listener, end, pendingLaw, log, told }: Session): boolean {
    if (end !== null || pendingLaw !== null || !this.#parts.outbox.isClogged(listener!)) {
      return false;
    }
    return log.length - told <= owedTokensMax;
  }

  #say(session: Session, nowMs: number, { queueMs, passMs }: PassTimes): void {
    const { counters } = this.#parts;
    session.owed = null;
    const advisedDraftLength = session.end === null ? this.#advise(session) : null;
    const times = { queueMs, verifyMs: passMs, advisedDraftLength };
    const verdict = makeVerdict(session, session.listener!.session, times);
    counters.verdictCount++;
    counters.acceptedCount += verdict.acceptedCount;
    counters.testedCount += verdict.acceptedCount + verdict.rejectedCount;
    if (queueMs + passMs > 0) counters.verdictMs.add(queueMs + passMs);
    session.lastVerdictAtMs = nowMs;
    this.send(session, verdict);
  }

  #advise(session: Session): number | null {
    const { scheduler, settings } = this.#parts;
    const { passCount } = scheduler.passTime.error;
    if (session.terms.mode === 'stream' || passCount < adviceFrom) return null;
    const lengthMax = settings.limits.draftTokens;
    const acceptanceRate = expectedAcceptance(session.acceptedCount, session.testedCount);
    const { awayMs } = session;
    const ideal = loadedDraftLength(scheduler.load, { acceptanceRate, awayMs }, lengthMax);
    const advice = nextAdvice(session.advice, trustedLength(session.trust.level, ideal), lengthMax);
    if (advice !== null) session.advice = advice;
    return advice;
  }
}
