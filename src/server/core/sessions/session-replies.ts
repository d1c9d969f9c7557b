// What a session is told: verdicts with their advice, the last of them, and whatever else answers a frame. Applies the
// state table to every frame sent; judges nothing.

import type { ExitHint } from '../../../engine/engine.js';
import type { ServerFrame } from '../../../protocol/frame.js';
import { limits } from '../../../protocol/limits.js';
import { eventOf, stateAfterSending } from '../../../protocol/session-state.js';
import {
  adviceFrom,
  expectedAcceptance,
  loadedDraftLength,
  nextAdvice,
} from '../passes/draft-advice.js';
import type { PassTimes, Session } from '../session.js';
import { trustedLength } from '../tenants/draft-trust.js';
import { makeVerdict } from './make-verdict.js';
import type { SessionParts } from './session-parts.js';

const noTimes: PassTimes = { queueMs: 0, passMs: 0 };

/** Tokens that a slow reader may be owed: one more pass still fits into one Verdict. */
const deferredTokensMax = limits.verdictTokens.value - limits.draftTokens.value - 1;

export class SessionReplies {
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  send(session: Session, frame: ServerFrame): void {
    session.state = stateAfterSending(session.state, eventOf(frame, session.log.length)!);
    this.#parts.outbox.send(session.address!, frame);
  }

  /** Tells an early exit's guess; nothing where the chain it is of has ended or nobody reads at this moment. */
  hint(session: Session, { position, candidates, confidences }: ExitHint): void {
    const { inInFlight: inFlight, address, drafts, terms, isRunning } = session;
    if (!terms.wantsHints || !isRunning || inFlight === null || inFlight.isInvalid) return;
    const isOfChain = inFlight.epoch === drafts.epoch && !drafts.isVoid;
    // Padding stands for drafts that nobody made.
    if (!isOfChain || position > inFlight.from + inFlight.draftCount) return;
    if (this.#parts.outbox.isClogged(address!)) return;
    this.#parts.counters.hintCount++;
    this.send(session, {
      kind: 'hint',
      session: address!.session,
      epoch: inFlight.epoch,
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
    if (this.#canWait(session)) session.deferredTimes = times;
    else this.#reply(session, nowMs, times);
  }

  /** Its reader has caught up, or the beat has come. */
  sendDeferred(session: Session, nowMs: number): void {
    if (session.deferredTimes !== null) this.#reply(session, nowMs, session.deferredTimes);
  }

  #canWait({ address, end, pendingLaw, log, announcedLength: announced }: Session): boolean {
    if (end !== null || pendingLaw !== null || !this.#parts.outbox.isClogged(address!)) {
      return false;
    }
    return log.length - announced <= deferredTokensMax;
  }

  #reply(session: Session, nowMs: number, { queueMs, passMs }: PassTimes): void {
    const { counters } = this.#parts;
    session.deferredTimes = null;
    const advisedDraftLength = session.end === null ? this.#advise(session) : null;
    const times = { queueMs, verifyMs: passMs, advisedDraftLength };
    const verdict = makeVerdict(session, session.address!.session, times);
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
    const { turnaroundMs: awayMs } = session;
    const ideal = loadedDraftLength(
      scheduler.load,
      { acceptanceRate, turnaroundMs: awayMs },
      lengthMax,
    );
    const advice = nextAdvice(session.advice, trustedLength(session.trust.level, ideal), lengthMax);
    if (advice !== null) session.advice = advice;
    return advice;
  }
}
