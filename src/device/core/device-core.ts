// The device without I/O: one connection, any number of answers. Events and the time go in, effects come out; the same
// code runs over sockets, over memory in tests and under virtual time. Never reads a clock, never draws chance.

import { assert, unreachable } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import { decodeServerFrame, encodeFrame } from '../../protocol/codec.js';
import { type Cover, type DeviceFrame, isOffered, type ServerFrame } from '../../protocol/frame.js';
import { u32Max } from '../../protocol/limits.js';
import { checkVocabulary } from '../../protocol/session-check.js';
import {
  type DeviceEvent,
  eventOf,
  type ServerEvent,
  stateAfterSending,
} from '../../protocol/session-state.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { versionOfCover, versionOfFormats, versionOfHints } from '../../protocol/version.js';
import { Connection } from './connection.js';
import { Covering } from './covering.js';
import { type Live, takeFrame } from './downlink.js';
import { DraftPassTimes } from './drafting/draft-pass-times.js';
import { earlier } from './earlier.js';
import type { AnswerId, CoreEvent, Effect } from './event.js';
import { Session, type SessionLink } from './session.js';
import type { CoreSettings } from './settings.js';
import { Upstream } from './upstream.js';

export class DeviceCore {
  readonly #settings: CoreSettings;
  readonly #connection: Connection;
  readonly #live = new Map<AnswerId, Live>();
  /** By the ids of the present connection. */
  readonly #bySession = new Map<number, Live>();
  readonly #link: SessionLink;
  readonly #covering: Covering;
  #nextSession = 0;
  #effects: Effect[] = [];
  #wakeAtMs: number | null = null;
  #gaveUp: PilotfishError | null = null;

  constructor(settings: CoreSettings, nowMs: number) {
    const out = (effect: Effect): void => {
      this.#effects.push(effect);
    };
    this.#settings = settings;
    const connection = new Connection(
      { settings, out, send: (frame) => this.#put(frame, null) },
      nowMs,
    );
    this.#connection = connection;
    const covering = new Covering(settings.cover);
    this.#covering = covering;
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
      get beatMs() {
        return covering.beatMs;
      },
      draftPass: new DraftPassTimes(),
      send: (session, frame) => this.#sendFor(session, frame),
      out,
    };
  }

  /** Begins to dial. To be called once, before the first event. */
  start(nowMs: number): Effect[] {
    this.#connection.dial(nowMs);
    return this.#settle(nowMs);
  }

  /** What to do about an event. @param nowMs of a clock that never runs backwards. */
  handle(event: CoreEvent, nowMs: number): Effect[] {
    return this.handleAll([event], nowMs);
  }

  /** What to do about events that came together: they are looked at as a whole once behind the last. */
  handleAll(events: readonly CoreEvent[], nowMs: number): Effect[] {
    for (const event of events) this.#take(event, nowMs);
    return this.#settle(nowMs);
  }

  /** Answers that are being written; 0 when nothing is left behind. */
  get answerCount(): number {
    return this.#live.size;
  }

  #take(event: CoreEvent, nowMs: number): void {
    switch (event.kind) {
      case 'link-up':
        this.#connection.onUp(nowMs);
        break;
      case 'link-down':
        this.#onDown(event.reason, nowMs);
        break;
      case 'message':
        this.#onMessage(event.bytes, nowMs);
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

  /** What comes for an answer that is over is late. */
  #takeForAnswer(event: Extract<CoreEvent, { answer: AnswerId }>, nowMs: number): void {
    const session = this.#live.get(event.answer)?.session;
    if (session === undefined) return;
    switch (event.kind) {
      case 'cancel':
        session.finish('cancelled', true, nowMs);
        break;
      case 'drafted':
        session.ahead.onDrafted(event.run, event.tokens, nowMs);
        break;
      case 'draft-ended':
        session.onDraftEnded(event.run, event.reasons);
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

  #generate({ answer, request }: CoreEvent & { kind: 'generate' }, nowMs: number): void {
    assert(!this.#live.has(answer), `answer ${answer} is being written already`);
    const session = new Session(answer, request, this.#settings, this.#link, nowMs);
    if (this.#gaveUp !== null) {
      session.fail(this.#gaveUp, nowMs);
      return;
    }
    this.#live.set(answer, { session, upstream: new Upstream(session) });
  }

  #onDown(reason: string, nowMs: number): void {
    const error = this.#connection.onDown(reason, nowMs);
    if (error === null) return;
    this.#bySession.clear();
    this.#nextSession = 0;
    this.#covering.end();
    if (this.#connection.isOver) this.#gaveUp = error;
    for (const { session } of this.#live.values()) {
      session.wire = null;
      if (this.#gaveUp !== null || session.request.fallback === 'fail') session.fail(error, nowMs);
    }
  }

  #onMessage(bytes: Uint8Array, nowMs: number): void {
    // What a link that is being left still brings comes again after the resumption.
    if (this.#connection.isLeaving) return;
    const decoded = decodeServerFrame(bytes);
    if ('fault' in decoded) {
      this.#violated(decoded.fault.message);
      return;
    }
    const frame = decoded.ok;
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
    this.#onSessionFrame(frame, bytes.length, nowMs);
  }

  #onSessionFrame(frame: ServerFrame, byteCount: number, nowMs: number): void {
    const session = 'session' in frame ? frame.session : null;
    const live = session === null ? undefined : this.#bySession.get(session);
    if (live === undefined) {
      // Late frames of a session that was closed here; ids that were never given out are the server's mistake.
      if (session !== null && session < this.#nextSession) return;
      this.#violated(`${frame.kind} for session ${session}, which was never opened`);
      return;
    }
    live.session.tally.downMessageCount++;
    live.session.tally.downBytes += byteCount;
    const event = eventOf(frame, 0) as ServerEvent;
    const length = live.session.text?.log.length ?? 0;
    const complaint = takeFrame(live, frame as Parameters<typeof takeFrame>[1], event, nowMs);
    if ((live.session.text?.log.length ?? 0) > length) this.#connection.onProgress();
    if (complaint === null) return;
    live.session.fail(
      new PilotfishError('protocol-violated', `the server sent ${complaint}`),
      nowMs,
    );
  }

  #violated(message: string): void {
    this.#connection.refuse(new PilotfishError('protocol-violated', `the server sent ${message}`));
  }

  #tick(nowMs: number): void {
    // The timer that this answers is spent.
    this.#wakeAtMs = null;
    this.#connection.tick(nowMs, this.#live.size > 0);
    if (this.#connection.welcome === null) return;
    for (const { upstream } of this.#live.values()) upstream.checkTimeout(nowMs);
  }

  #close(nowMs: number): void {
    for (const { session } of this.#live.values()) session.finish('cancelled', true, nowMs);
    this.#connection.close();
  }

  /** Everything that follows from the new state, after every event. */
  #settle(nowMs: number): Effect[] {
    // Beats that come faster than the link carries messages would queue them without end.
    const isBehind = this.#connection.isBehind(this.#covering.cover.aggregateMs, nowMs);
    if (isBehind) this.#covering.skip(nowMs);
    for (const [answer, live] of this.#live) {
      const { session, upstream } = live;
      if (!session.isOver) this.#attach(live, nowMs);
      this.#failIfLost(session, nowMs);
      if (!session.isOver) session.showDrafts(nowMs);
      session.ahead.plan(nowMs);
      upstream.plan(nowMs);
      if (session.isOver) this.#forget(answer, live);
    }
    this.#passBeat(nowMs);
    if (this.#connection.isDraining && this.#live.size > 0 && this.#bySession.size === 0) {
      this.#connection.hangUp();
    }
    this.#wake(nowMs);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** A beat without a draft has a message all the same while there is anybody who might draft. */
  #passBeat(nowMs: number): void {
    if (!this.#covering.pass(nowMs) || this.#connection.welcome === null || !this.#mayDraft) return;
    this.#connection.send({ kind: 'ping', nonce: 0, isCover: true });
  }

  get #mayDraft(): boolean {
    return [...this.#bySession.values()].some(({ session }) => session.request.mode !== 'stream');
  }

  /** Whoever waits for a server that does not come back is told so in the end. */
  #failIfLost(session: Session, nowMs: number): void {
    const lostAtMs = session.lostAtMs();
    if (session.isOver || lostAtMs === null || nowMs < lostAtMs) return;
    session.fail(this.#connection.absence(this.#settings.awayMaxMs), nowMs);
  }

  #forget(answer: AnswerId, { session }: Live): void {
    this.#live.delete(answer);
    if (session.wire !== null) this.#bySession.delete(session.wire.id);
  }

  /** Opens or resumes the session on the wire as soon as the connection takes it. */
  #attach(live: Live, nowMs: number): void {
    const { session } = live;
    const { welcome, takesSessions } = this.#connection;
    if (session.wire !== null || welcome === null || !takesSessions) return;
    if (nowMs < session.openAtMs) return;
    const { scheme, mode } = session.request;
    const isKnown = welcome.schemes.includes(scheme) && welcome.modes.includes(mode);
    if (!isKnown || !isOffered(scheme, mode)) {
      const offer = `schemes ${welcome.schemes.join(', ')}; modes ${welcome.modes.join(', ')}`;
      const error = new PilotfishError(
        'server-refused',
        `scheme ${scheme} in mode ${mode}: the server offers ${offer}`,
      );
      session.fail(error, nowMs);
      return;
    }
    const reason = session.endReason(welcome.contextLength);
    if (session.resumeKey === null && reason !== null) {
      session.finish(reason, true, nowMs);
      return;
    }
    const tooNew = tooNewFor(session);
    if (tooNew !== null) {
      session.fail(tooNew, nowMs);
      return;
    }
    this.#covering.begin(welcome, nowMs);
    const id = this.#nextSession++;
    session.wire = { id, state: 'unused' };
    this.#bySession.set(id, live);
    session.link.send(
      session,
      session.resumeKey === null
        ? openOf(session, id, this.#covering.cover)
        : resumeOf(session, id),
    );
  }

  #sendFor(session: Session, frame: DeviceFrame): void {
    if (this.#connection.isLeaving) return;
    const { wire } = session;
    assert(wire !== null, `sending ${frame.kind} for a session without wire`);
    // A residual token is new to the server only while it is due.
    const committedLength = wire.state === 'residual-due' ? session.sharedLength : u32Max;
    wire.state = stateAfterSending(wire.state, eventOf(frame, committedLength) as DeviceEvent);
    if (wire.state === 'closed') this.#bySession.delete(wire.id);
    this.#connection.sendWith(frame, () => this.#put(frame, session));
  }

  #put(frame: DeviceFrame, session: Session | null): void {
    const bytes = encodeFrame(frame, this.#covering.cover.padBytes);
    if (frame.kind === 'draft') this.#covering.onDraft();
    if (session !== null) {
      session.tally.upMessageCount++;
      session.tally.upBytes += bytes.length;
    }
    this.#effects.push({ kind: 'send', bytes });
  }

  #wake(nowMs: number): void {
    let atMs = this.#connection.dueMs(this.#live.size > 0);
    for (const { session, upstream } of this.#live.values()) {
      if (this.#connection.welcome !== null) {
        atMs = earlier(atMs, earlier(upstream.dueMs(), session.overtaking.pausedUntilMs));
        if (session.wire === null && session.openAtMs > nowMs) {
          atMs = earlier(atMs, session.openAtMs);
        }
      } else atMs = earlier(atMs, earlier(session.awayAtMs(nowMs), session.lostAtMs()));
    }
    if (this.#mayDraft) atMs = earlier(atMs, this.#covering.beatMs);
    // Every verdict puts time-outs off: a timer that comes too early asks again, and costs less than one set each time.
    const isCovered = this.#wakeAtMs !== null && atMs !== null && this.#wakeAtMs <= atMs;
    if (atMs === this.#wakeAtMs || isCovered) return;
    this.#wakeAtMs = atMs;
    this.#effects.push({ kind: 'wake', atMs });
  }
}

function openOf(session: Session, id: number, cover: Cover): DeviceFrame {
  const { request, text } = session;
  const { sampling, seed, scheme, mode, tokensMax, windowMax, cut } = request;
  const { schema, topLogprobs } = request;
  session.rejoin(null);
  return {
    kind: 'open',
    session: id,
    prompt:
      text === null ? request.prompt : { kind: 'ids', ids: text.log.slice(0, text.promptLength) },
    answer: text === null ? new Int32Array(0) : text.log.slice(text.promptLength),
    sampling,
    seed,
    scheme,
    mode,
    tokensMax,
    windowMax: Math.min(windowMax, session.link.welcome!.limits.windowTokens),
    cut: scheme === 'split' ? cut : null,
    schema: schema ?? null,
    topLogprobs: topLogprobs ?? null,
    wantsHints: session.ahead.usesHints && session.link.welcome!.version >= versionOfHints,
    ...cover,
  };
}

/** An older server would pass over what it does not know, and write what was not asked for, or as nobody asked. */
function tooNewFor({ request, link, settings }: Session): PilotfishError | null {
  const { version } = link.welcome!;
  const { padBytes, aggregateMs } = settings.cover;
  if (padBytes + aggregateMs > 0 && version < versionOfCover) {
    const message = `padding and aggregation need version ${versionOfCover}, the server speaks ${version}`;
    return new PilotfishError('server-refused', message);
  }
  const isAsked = request.schema !== undefined || request.topLogprobs !== undefined;
  if (!isAsked || version >= versionOfFormats) return null;
  const message = `formats and log-probabilities need version ${versionOfFormats}, the server speaks ${version}`;
  return new PilotfishError('server-refused', message);
}

function resumeOf(session: Session, id: number): DeviceFrame {
  const committedLength = session.sharedLength;
  return {
    kind: 'resume',
    session: id,
    resumeKey: session.resumeKey!,
    committedLength,
    logHash: tokenLogHash(session.text!.log.slice(0, committedLength)),
  };
}
