// Hands the frames of devices to their sessions: open, resume, draft, tail request, cancel, close.
// Applies the table of the protocol to every frame that arrives.

import type { WireFault } from '../../../protocol/code.js';
import type { DeviceFrame, Draft, Open, TailRequest } from '../../../protocol/frame.js';
import { modeTraits } from '../../../protocol/mode.js';
import { eventOf, receive } from '../../../protocol/session-state.js';
import type { CoreParts } from '../core-parts.js';
import type { PreparedOpen } from '../prepared-open.js';
import type { Session } from '../session.js';
import { type DueLaw, noDeferredTimes, type SessionAddress } from '../session-status.js';
import { receiveDraft } from './receive-draft.js';
import type { SessionEnd } from './session-end.js';
import type { SessionOpen } from './session-open.js';
import type { SessionReplies } from './session-replies.js';

export interface SessionFramesParts extends CoreParts {
  readonly opening: SessionOpen;
  readonly replies: SessionReplies;
  readonly ending: SessionEnd;
}

export class SessionFrames {
  readonly #parts: SessionFramesParts;
  /** Where each law that is due was last sent whole. */
  readonly #tailedTo = new WeakMap<DueLaw, SessionAddress>();

  constructor(parts: SessionFramesParts) {
    this.#parts = parts;
  }

  /** @returns whether there is a session now. */
  open(
    address: SessionAddress,
    frame: Open,
    prepared: PreparedOpen | null,
    nowMs: number,
  ): boolean {
    return this.#parts.opening.open(address, frame, prepared, nowMs);
  }

  /** Any other frame of a session, legal on its connection. */
  frame(address: SessionAddress, frame: Exclude<DeviceFrame, Open>, nowMs: number): void {
    if (frame.kind === 'resume') {
      this.#parts.opening.resume(address, frame, nowMs);
      return;
    }
    const session = this.#parts.table.find(address);
    if (typeof session === 'string') {
      this.#frameOfNone(address, frame, session);
      return;
    }
    const reception = session.received(eventOf(frame, session.log.length)!);
    if (reception.kind === 'fault') this.#parts.ending.fail(session, reception.fault);
    if (reception.kind !== 'move') return;
    this.#legalFrame(session, frame, nowMs);
    if (!session.isForgotten) this.#parts.scheduler.refresh(session);
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
        session.cancel();
        // In a pass it ends with that pass: what the pass decides is committed first.
        if (session.end !== null) this.#parts.ending.conclude(session, nowMs);
        return;
      case 'close':
        this.#parts.ending.forget(session, false);
        return;
      default:
        return;
    }
  }

  /** The session of the id has failed, is closed, or never was. */
  #frameOfNone(
    address: SessionAddress,
    frame: DeviceFrame,
    state: 'failed' | 'closed' | 'unused',
  ): void {
    if (state === 'failed') {
      if (frame.kind === 'close') this.#parts.table.clear(address);
      return;
    }
    // Closing twice changes nothing.
    if (state === 'closed' && frame.kind === 'close') return;
    const reception = receive(state, eventOf(frame, 0)!, address.session);
    if (reception.kind !== 'fault') return;
    const connection = this.#parts.connections.get(address.connection);
    if (connection !== undefined) connection.strayCount++;
    this.#parts.counters.failureCount++;
    this.#parts.outbox.failSession(address, reception.fault.code, reception.fault.message);
  }

  /** A message for a session was no legal frame. */
  fault(address: SessionAddress, fault: WireFault): void {
    const session = this.#parts.table.find(address);
    if (session === 'failed') return;
    if (typeof session === 'string') this.#parts.ending.refuse(address, fault.code, fault.message);
    else this.#parts.ending.fail(session, fault);
  }

  #draft(session: Session, frame: Draft, nowMs: number): void {
    const before = session.log.length;
    const { epoch, end, isVoid } = session.drafts;
    const isAnswered = hasCrossed(session, frame);
    const fault = receiveDraft(session, frame, this.#parts.settings, nowMs);
    if (fault) {
      this.#parts.ending.fail(session, fault);
      return;
    }
    const isSame = session.drafts.epoch === epoch;
    this.#parts.speculation.received(session, { end: isSame ? end : null, isVoid }, nowMs);
    if (!isAnswered && isStranded(session, frame)) {
      this.#parts.replies.verdict(session, nowMs, noDeferredTimes);
    }
    // Only a residual token makes the log longer.
    if (session.log.length === before) return;
    this.#parts.counters.committedCount++;
    session.terms.tenant.countCommitted(1);
    if (session.end !== null) this.#parts.ending.conclude(session, nowMs);
  }

  #tail(session: Session, { position }: TailRequest): void {
    const { log, due, address } = session;
    if (position !== log.length || due === null) {
      const message = `no law waits at ${position}`;
      this.#parts.ending.fail(session, { code: 'residual-invalid', message });
      return;
    }
    // Asked again on the same connection, the answer is on its way: a few bytes up must not buy a
    // law each. After a resumption it may be lost.
    if (this.#tailedTo.get(due) === address) return;
    this.#tailedTo.set(due, address!);
    const { law, logprobs } = due;
    this.#parts.replies.send(session, {
      kind: 'tail',
      session: address!.session,
      position,
      law,
      lawLogprobs: logprobs,
    });
  }
}

/**
 * Whether an honest device may have sent the draft before the newest verdict came, which then
 * answers it. PROTOCOL.md, "Draft", has the cases.
 */
function hasCrossed({ terms, drafts, log }: Session, { epoch, from }: Draft): boolean {
  const before = drafts.epoch === epoch ? drafts.lastFrame : null;
  if (before === null) return false;
  if (terms.mode === 'pipeline') return from === before.to || from < log.length;
  return from === before.from || (before.more && from === before.to);
}

/**
 * Whether the draft was dropped and nothing is left to compute: the device would wait for ever. In
 * modes that write unasked the next verdict says where the text ends.
 */
function isStranded(session: Session, { epoch }: Draft): boolean {
  const { terms, status, drafts, deferredTimes, wantsJudging } = session;
  const isDropped = epoch < drafts.epoch || drafts.isVoid;
  if (!isDropped || modeTraits[terms.mode].writesUnasked || wantsJudging) return false;
  const isIdle =
    status.kind === 'waiting' || (status.kind === 'in-pass' && !status.segment.isJudged);
  return isIdle && deferredTimes === null;
}
