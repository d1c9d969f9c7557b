// Tells devices about their sessions: verdicts with their advice, hints, and other replies. Applies
// the table of the protocol to every frame sent. Decides nothing about the text.

import type { ExitHint } from '../../../engine/engine.js';
import type { ServerFrame } from '../../../protocol/frame.js';
import { limits } from '../../../protocol/limits.js';
import { eventOf } from '../../../protocol/session-state.js';
import type { CoreParts } from '../core-parts.js';
import type { Session } from '../session.js';
import type { PassTimes } from '../session-status.js';
import { makeVerdict } from './make-verdict.js';

/** Tokens kept back for a slow device: one more pass still fits into one Verdict. */
const deferredTokensMax = limits.verdictTokens.value - limits.draftTokens.value - 1;

export class SessionReplies {
  readonly #parts: CoreParts;

  constructor(parts: CoreParts) {
    this.#parts = parts;
  }

  send(session: Session, frame: ServerFrame): void {
    session.sent(eventOf(frame, session.log.length)!);
    this.#parts.outbox.send(session.address!, frame);
  }

  /** Passes a guess on, where the device can still use it and reads fast enough. */
  hint(session: Session, { position, candidates, confidences }: ExitHint): void {
    if (!isOfUse(session, position) || this.#parts.outbox.isClogged(session.address!)) return;
    this.#parts.counters.hintCount++;
    this.send(session, {
      kind: 'hint',
      session: session.address!.session,
      epoch: session.drafts.epoch,
      position,
      candidates: candidates.slice(0, limits.hintCandidates.value),
      confidences: Float32Array.from(confidences.subarray(0, limits.hintCandidates.value)),
    });
  }

  /**
   * Tells what has been committed since the last verdict. For a slow device, or between two
   * flushes, that waits and is merged with what follows: one frame is read instead of many, and
   * nothing in it depends on when it is sent.
   */
  verdict(session: Session, nowMs: number, times: PassTimes): void {
    if (this.#canWait(session)) session.defer(times);
    else this.#sendVerdict(session, nowMs, times);
  }

  /** The device has caught up, or its connection is flushed. */
  sendDeferred(session: Session, nowMs: number): void {
    const times = session.deferredTimes;
    if (times !== null) this.#sendVerdict(session, nowMs, times);
  }

  #canWait({ end, due, address, unannouncedCount }: Session): boolean {
    if (end !== null || due !== null || !this.#parts.outbox.isClogged(address!)) return false;
    return unannouncedCount <= deferredTokensMax;
  }

  #sendVerdict(session: Session, nowMs: number, times: PassTimes): void {
    const advisedDraftLength = session.end === null ? this.#parts.scheduler.advise(session) : null;
    if (advisedDraftLength !== null) session.advised(advisedDraftLength);
    const { counters, told } = this.#parts;
    const verdict = makeVerdict(session, told.of(times), advisedDraftLength, nowMs);
    counters.verdictCount++;
    counters.acceptedCount += verdict.acceptedCount;
    counters.testedCount += verdict.acceptedCount + verdict.rejectedCount;
    const verdictMs = times.queueMs + times.passMs;
    if (verdictMs > 0) counters.verdictMs.add(verdictMs);
    this.send(session, verdict);
  }
}

/** Whether a hint is wanted, and about the chain that the device still drafts on. */
function isOfUse({ status, terms, drafts }: Session, position: number): boolean {
  if (!terms.wantsHints || status.kind !== 'in-pass' || status.isInvalid) return false;
  const { epoch, from, draftCount } = status.segment;
  if (epoch !== drafts.epoch || drafts.isVoid) return false;
  // Padding stands for drafts that no device made.
  return position <= from + draftCount;
}
