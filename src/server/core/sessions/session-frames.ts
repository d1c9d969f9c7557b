// Hands the frames of devices to their sessions: open, resume, draft, tail request, cancel, close.
// Applies the table of the protocol to every frame that arrives.

import type { WireFault } from '../../../protocol/code.js';
import type { DeviceFrame, Draft, TailRequest } from '../../../protocol/frame.js';
import { eventOf, receive } from '../../../protocol/session-state.js';
import type { Counters } from '../core-stats.js';
import type { Outbox } from '../outbox.js';
import type { Scheduler } from '../passes/scheduler.js';
import type { Session } from '../session.js';
import type { SessionAddress } from '../session-status.js';
import type { SessionTable } from '../session-table.js';
import type { ServerCoreSettings } from '../settings.js';
import { type DraftBounds, receiveDraft } from './receive-draft.js';
import type { SessionEnd } from './session-end.js';
import type { SessionOpen } from './session-open.js';
import type { SessionReplies } from './session-replies.js';

export interface SessionFramesParts {
  readonly settings: ServerCoreSettings;
  readonly table: SessionTable;
  readonly scheduler: Scheduler;
  readonly opening: SessionOpen;
  readonly replies: SessionReplies;
  readonly ending: SessionEnd;
  readonly outbox: Outbox;
  readonly counters: Counters;
}

export class SessionFrames {
  readonly #bounds: DraftBounds;
  readonly #table: SessionTable;
  readonly #scheduler: Scheduler;
  readonly #opening: SessionOpen;
  readonly #replies: SessionReplies;
  readonly #ending: SessionEnd;
  readonly #outbox: Outbox;
  readonly #counters: Counters;

  constructor(parts: SessionFramesParts) {
    const { model, limits } = parts.settings;
    this.#bounds = { vocabSize: model.vocabSize, draftTokensMax: limits.draftTokens };
    this.#table = parts.table;
    this.#scheduler = parts.scheduler;
    this.#opening = parts.opening;
    this.#replies = parts.replies;
    this.#ending = parts.ending;
    this.#outbox = parts.outbox;
    this.#counters = parts.counters;
  }

  /** A frame of a session, legal on its connection. */
  frame(address: SessionAddress, frame: DeviceFrame, nowMs: number): void {
    if (frame.kind === 'open') {
      this.#opening.open(address, frame, nowMs);
      return;
    }
    if (frame.kind === 'resume') {
      this.#opening.resume(address, frame, nowMs);
      return;
    }
    const session = this.#table.find(address);
    if (typeof session === 'string') {
      this.#frameOfNone(address, frame, session);
      return;
    }
    const reception = session.received(eventOf(frame, session.log.length)!);
    if (reception.kind === 'fault') this.#ending.fail(session, reception.fault);
    if (reception.kind !== 'move') return;
    this.#legalFrame(session, frame, nowMs);
    if (!session.isForgotten) this.#scheduler.refresh(session);
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
        if (session.end !== null) this.#ending.conclude(session, nowMs);
        return;
      case 'close':
        this.#ending.forget(session, false);
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
      if (frame.kind === 'close') this.#table.clear(address);
      return;
    }
    // Closing twice changes nothing.
    if (state === 'closed' && frame.kind === 'close') return;
    const reception = receive(state, eventOf(frame, 0)!, address.session);
    if (reception.kind !== 'fault') return;
    this.#counters.failureCount++;
    this.#outbox.failSession(address, reception.fault.code, reception.fault.message);
  }

  /** A message for a session was no legal frame. */
  fault(address: SessionAddress, fault: WireFault): void {
    const session = this.#table.find(address);
    if (session === 'failed') return;
    if (typeof session === 'string') this.#ending.refuse(address, fault.code, fault.message);
    else this.#ending.fail(session, fault);
  }

  #draft(session: Session, frame: Draft, nowMs: number): void {
    const before = session.log.length;
    const fault = receiveDraft(session, frame, this.#bounds, nowMs);
    if (fault) {
      this.#ending.fail(session, fault);
      return;
    }
    // Only a residual token makes the log longer.
    if (session.log.length === before) return;
    this.#counters.committedCount++;
    session.terms.tenant.committedCount++;
    if (session.end !== null) this.#ending.conclude(session, nowMs);
  }

  #tail(session: Session, { position }: TailRequest): void {
    const { log, due } = session;
    const id = session.address!.session;
    if (position !== log.length || due === null) {
      const message = `no law waits at ${position}`;
      this.#ending.fail(session, { code: 'residual-invalid', message, session: id });
      return;
    }
    const { law, logprobs } = due;
    this.#replies.send(session, {
      kind: 'tail',
      session: id,
      position,
      law,
      lawLogprobs: logprobs,
    });
  }
}
