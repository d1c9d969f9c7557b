// Runs the device without I/O: one connection, any number of answers. Takes events and the time,
// returns effects; the same code runs over sockets, in tests and under virtual time. Never reads a
// clock or draws chance.

import { assert, unreachable } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import { type DeviceFrame, modeTraits, type ServerFrame } from '../../protocol/frame.js';
import { u32Max } from '../../protocol/limits.js';
import { checkVocabulary } from '../../protocol/session-check.js';
import {
  type DeviceFrameEvent,
  eventOf,
  type ServerFrameEvent,
  stateAfterSending,
} from '../../protocol/session-state.js';
import { awayAtMs, lostAtMs } from './absence.js';
import { growChain } from './chain-growth.js';
import { DeviceSession, type SessionLink } from './device-session.js';
import { takeFrame } from './downlink.js';
import { DraftPassTimes } from './drafting/draft-pass-times.js';
import { earlier } from './earlier.js';
import type { DeviceEffect, DeviceInput } from './event.js';
import { ServerConnection } from './server-connection.js';
import { endReasonOf, misfitOf, openFrame, resumeFrame, tooNewFor } from './session-open.js';
import type { DeviceCoreSettings } from './settings.js';
import type { AnswerId } from './token.js';
import { TrafficShaper } from './traffic-shaper.js';

export class DeviceCore {
  readonly #settings: DeviceCoreSettings;
  readonly #connection: ServerConnection;
  readonly #live = new Map<AnswerId, DeviceSession>();
  /** By the ids of the present connection. */
  readonly #bySession = new Map<number, DeviceSession>();
  readonly #link: SessionLink;
  readonly #shaper: TrafficShaper;
  #nextSession = 0;
  #effects: DeviceEffect[] = [];
  #wakeAtMs: number | null = null;
  #gaveUp: PilotfishError | null = null;

  constructor(settings: DeviceCoreSettings) {
    const out = (effect: DeviceEffect): void => {
      this.#effects.push(effect);
    };
    this.#settings = settings;
    const connection = new ServerConnection(settings, out, (frame) => this.#put(frame, null));
    const shaper = new TrafficShaper(settings.shaping);
    this.#connection = connection;
    this.#shaper = shaper;
    this.#link = {
      get welcome() {
        return connection.welcome;
      },
      get downSinceMs() {
        return connection.downSinceMs;
      },
      get awaySinceMs() {
        return connection.awaySinceMs;
      },
      roundTrip: connection.roundTrip,
      get flushMs() {
        return shaper.flushMs;
      },
      draftPass: new DraftPassTimes(),
      pictures: connection.pictures,
      onProgress: () => connection.onProgress(),
      measure: (nowMs) => connection.measure(nowMs),
      send: (session, frame) => this.#sendFor(session, frame),
      out,
    };
  }

  /** Handles an event. @param nowMs of a clock that never runs backwards. */
  handle(event: DeviceInput, nowMs: number): DeviceEffect[] {
    return this.handleAll([event], nowMs);
  }

  /** Handles events that came together, and plans once after the last. */
  handleAll(events: readonly DeviceInput[], nowMs: number): DeviceEffect[] {
    for (const event of events) this.#take(event, nowMs);
    return this.#settle(nowMs);
  }

  get answerCount(): number {
    return this.#live.size;
  }

  #take(event: DeviceInput, nowMs: number): void {
    switch (event.kind) {
      case 'start':
        this.#connection.start(nowMs);
        break;
      case 'link-up':
        this.#connection.onUp(nowMs);
        break;
      case 'link-down':
        this.#onDown(event.reason, nowMs);
        break;
      case 'frame':
        this.#onFrame(event.frame, nowMs);
        break;
      case 'fault':
        if (!this.#connection.isLeaving) this.#violated(event.fault.message);
        break;
      case 'generate':
        this.#generate(event, nowMs);
        break;
      case 'timer':
        this.#tick(nowMs);
        break;
      case 'close':
        this.#close(nowMs);
        break;
      default:
        this.#takeForAnswer(event, nowMs);
    }
  }

  /** Events of an answer that is over are late, and ignored. */
  #takeForAnswer(event: Extract<DeviceInput, { answer: AnswerId }>, nowMs: number): void {
    const session = this.#live.get(event.answer);
    if (session === undefined) return;
    switch (event.kind) {
      case 'cancel':
        session.finish('cancelled', true, nowMs);
        break;
      case 'drafted':
        growChain(session, event.run, event.tokens, nowMs);
        break;
      case 'draft-ended':
        session.drafting.ended(event.run, event.reasons);
        break;
      case 'drafter-failed':
        session.drafting.broke();
        break;
      case 'generate':
        break;
      default:
        unreachable(event);
    }
  }

  #generate({ answer, request }: DeviceInput & { kind: 'generate' }, nowMs: number): void {
    assert(!this.#live.has(answer), `answer ${answer} is being generated already`);
    const session = new DeviceSession(answer, request, this.#settings, this.#link, nowMs);
    if (this.#gaveUp !== null) {
      session.fail(this.#gaveUp, nowMs);
      return;
    }
    this.#live.set(answer, session);
  }

  #onDown(reason: string, nowMs: number): void {
    const error = this.#connection.onDown(reason, nowMs);
    if (error === null) return;
    this.#bySession.clear();
    this.#nextSession = 0;
    this.#shaper.end();
    if (this.#connection.isOver) this.#gaveUp = error;
    for (const session of this.#live.values()) {
      session.detach();
      if (this.#gaveUp !== null || session.request.fallback === 'fail') session.fail(error, nowMs);
    }
  }

  #onFrame(frame: ServerFrame, nowMs: number): void {
    // Frames of a link that was hung up come again after the resumption.
    if (this.#connection.isLeaving) return;
    const { welcome } = this.#connection;
    const fault = welcome === null ? null : checkVocabulary(frame, welcome.vocabSize);
    if (fault !== null) {
      this.#violated(fault.message);
      return;
    }
    const admission = this.#connection.admit(frame, nowMs);
    if ('fault' in admission) {
      this.#violated(admission.fault);
      return;
    }
    if (admission.isMine) return;
    this.#onSessionFrame(frame, nowMs);
  }

  #onSessionFrame(frame: ServerFrame, nowMs: number): void {
    const id = 'session' in frame ? frame.session : null;
    const session = id === null ? undefined : this.#bySession.get(id);
    if (session === undefined) {
      // Frames of a closed session may be late; ids that were never used are the server's mistake.
      if (id !== null && id < this.#nextSession) return;
      this.#violated(`${frame.kind} for session ${id}, which was never opened`);
      return;
    }
    session.tally.downMessageCount++;
    const event = eventOf(frame, 0) as ServerFrameEvent;
    const complaint = takeFrame(session, frame as Parameters<typeof takeFrame>[1], event, nowMs);
    if (complaint === null) return;
    session.fail(new PilotfishError('protocol-violated', `the server sent ${complaint}`), nowMs);
  }

  #violated(message: string): void {
    this.#connection.refuse(new PilotfishError('protocol-violated', `the server sent ${message}`));
  }

  #tick(nowMs: number): void {
    // The timer has fired and is gone.
    this.#wakeAtMs = null;
    this.#connection.tick(nowMs, this.#live.size > 0);
    if (this.#connection.welcome === null) return;
    for (const session of this.#live.values()) session.checkTimeout(nowMs);
  }

  #close(nowMs: number): void {
    for (const session of this.#live.values()) session.finish('cancelled', true, nowMs);
    this.#connection.close();
  }

  /** Does what follows from the new state. */
  #settle(nowMs: number): DeviceEffect[] {
    // Flushes that come faster than the link carries messages would queue them without end.
    const isBehind = this.#connection.isBehind(this.#shaper.shaping.aggregateMs, nowMs);
    if (isBehind) this.#shaper.skip(nowMs);
    for (const session of this.#live.values()) {
      if (!session.isOver) this.#attach(session, nowMs);
      this.#failIfLost(session, nowMs);
      if (!session.isOver) session.showDrafts(nowMs);
      session.plan(nowMs);
      if (!session.isOver) continue;
      this.#live.delete(session.answer);
      if (session.wire !== null) this.#bySession.delete(session.wire.id);
    }
    this.#passFlush(nowMs);
    if (this.#connection.isDraining && this.#live.size > 0 && this.#bySession.size === 0) {
      this.#connection.hangUp();
    }
    this.#wake(nowMs);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Sends a filler where a flush passes without a draft, while a session could draft. */
  #passFlush(nowMs: number): void {
    if (!this.#shaper.pass(nowMs) || this.#connection.welcome === null || !this.#mayDraft) return;
    this.#connection.send({ kind: 'ping', nonce: 0, isCover: true });
  }

  get #mayDraft(): boolean {
    return [...this.#bySession.values()].some(
      ({ request }) => modeTraits[request.mode].takesDrafts && this.#settings.drafter !== null,
    );
  }

  #failIfLost(session: DeviceSession, nowMs: number): void {
    const atMs = lostAtMs(session);
    if (session.isOver || atMs === null || nowMs < atMs) return;
    session.fail(this.#connection.absence(this.#settings.awayMaxMs), nowMs);
  }

  /** Opens or resumes the session as soon as the connection takes it. */
  #attach(session: DeviceSession, nowMs: number): void {
    const { welcome, takesSessions } = this.#connection;
    if (session.wire !== null || welcome === null || !takesSessions) return;
    if (nowMs < session.openAtMs) return;
    const misfit = misfitOf(session, welcome);
    if (misfit !== null) {
      session.fail(misfit, nowMs);
      return;
    }
    const reason = endReasonOf(session, welcome.contextLength);
    if (session.resumeKey === null && reason !== null) {
      session.finish(reason, true, nowMs);
      return;
    }
    const tooNew = tooNewFor(session, welcome);
    if (tooNew !== null) {
      session.fail(tooNew, nowMs);
      return;
    }
    this.#shaper.begin(welcome, nowMs);
    const id = this.#nextSession++;
    session.attach(id);
    this.#bySession.set(id, session);
    const isNew = session.resumeKey === null;
    const { shaping } = this.#shaper;
    const frame = isNew ? openFrame(session, id, welcome, shaping) : resumeFrame(session, id);
    session.link.send(session, frame);
  }

  #sendFor(session: DeviceSession, frame: DeviceFrame): void {
    if (this.#connection.isLeaving) return;
    const { wire } = session;
    assert(wire !== null, `sending ${frame.kind} for a session without wire`);
    // The server lacks a residual token only while it is due.
    const committedLength = wire.state === 'residual-due' ? session.sharedLength : u32Max;
    wire.state = stateAfterSending(wire.state, eventOf(frame, committedLength) as DeviceFrameEvent);
    if (wire.state === 'closed') this.#bySession.delete(wire.id);
    this.#connection.onSending(frame);
    this.#put(frame, session);
  }

  #put(frame: DeviceFrame, session: DeviceSession | null): void {
    const { padBytes } = this.#shaper.shaping;
    if (frame.kind === 'draft') this.#shaper.onDraft();
    if (session !== null) session.tally.upMessageCount++;
    const answer = session === null || session.isOver ? null : session.answer;
    this.#effects.push({ kind: 'send', frame, padBytes, answer });
  }

  #wake(nowMs: number): void {
    let atMs = this.#connection.dueMs(this.#live.size > 0);
    for (const session of this.#live.values()) {
      if (this.#connection.welcome !== null) {
        atMs = earlier(atMs, session.sendPlanner.dueMs(session));
        if (session.wire === null && session.openAtMs > nowMs) {
          atMs = earlier(atMs, session.openAtMs);
        }
      } else atMs = earlier(atMs, earlier(awayAtMs(session, nowMs), lostAtMs(session)));
    }
    if (this.#mayDraft) atMs = earlier(atMs, this.#shaper.flushMs);
    // Verdicts delay time-outs: a timer that fires early costs less than one set again each time.
    const isCovered = this.#wakeAtMs !== null && atMs !== null && this.#wakeAtMs <= atMs;
    if (atMs === this.#wakeAtMs || isCovered) return;
    this.#wakeAtMs = atMs;
    this.#effects.push({ kind: 'wake', atMs });
  }
}
