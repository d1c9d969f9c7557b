// Plans when the drafts of an answer leave and in which frames: one round at a time
// (stop-and-wait), when the server becomes free (pipeline), or just before its next pass (race and
// auto).
// Also plans what is sent again after a time-out.

import { schemeTraits } from '../../math/scheme.js';
import { type Draft, modeTraits } from '../../protocol/frame.js';
import { deadlineWithEnough, isTimeToSend, type PassClock, sendDeadline } from './coalesce.js';
import { draftFrames, tellsChances } from './draft-frames.js';
import { holdLength } from './drafting/hold-length.js';
import { isRoundOver, lengthWithHeadStart } from './drafting/stop-rule.js';
import { earlier } from './earlier.js';
import { FramesOut } from './frames-out.js';
import type { SessionView } from './session-view.js';

/** First verdicts wait for the prompt. */
const firstVerdictGrace = 6;
/** Of a pass: drafts of a device for which the server may hold wait no longer for each other. */
const holdShare = 0.03;
/** Doublings of the time-out. */
const doublingsMax = 5;

/** Drafts that leave now. */
export interface DraftSend {
  /** In order, all of one epoch. */
  readonly frames: readonly Draft[];
  /** The part of the chain that they bring: [from, to). */
  readonly from: number;
  readonly to: number;
  /** Whether all that is out goes out again. */
  readonly isRepeat: boolean;
}

/** Keeps the state of its plans alone; the session sends what it returns. */
export class SendPlanner {
  readonly #framesOut = new FramesOut();
  /** The last moment to send what waits; holds until it is sent or a verdict comes. */
  #deadlineMs: number | null = null;
  #isHeld = false;
  /** Auto: since when enough drafts are out for any hold; null: there are fewer. */
  #enoughSinceMs: number | null = null;
  /** No answer came in time: what is out goes out again with the next flush. */
  #resendsAtFlush = false;
  #timedOutMs = 0;
  /** Arrival of Opened or Resumed. */
  #openedMs = 0;

  /** The session is open on the wire, for the first time or again. */
  onOpened(nowMs: number): void {
    this.#openedMs = nowMs;
    this.#enoughSinceMs = null;
    this.#resendsAtFlush = false;
    this.#deadlineMs = null;
  }

  /** A verdict shows when the server's pass has ended. */
  onVerdict(): void {
    this.#resendsAtFlush = false;
    this.#deadlineMs = null;
    this.#enoughSinceMs = -Infinity;
  }

  /** The next moment at which something may be due; null: only an event changes anything. */
  dueMs(view: SessionView): number | null {
    return earlier(this.#isHeld ? this.#deadlineMs : null, this.#timeoutAtMs(view));
  }

  /** The drafts to send now, or null. After a repeat the caller asks again: there may be more. */
  plan(view: SessionView, nowMs: number): DraftSend | null {
    this.#isHeld = false;
    if (!this.#maySend(view, nowMs)) return null;
    if (this.#resendsAtFlush && view.wire!.state === 'open') return this.#repeat(view);
    if (sendsResidualAlone(view)) return this.#send(view, view.text!.chain.base, false);
    return view.request.mode === 'stop-and-wait'
      ? this.#planRound(view)
      : this.#planStream(view, nowMs);
  }

  #maySend({ text, wire, request, residual, link, isOver }: SessionView, nowMs: number): boolean {
    if (text === null || wire === null || isOver || link.welcome === null) return false;
    if (wire.state !== 'open' && wire.state !== 'residual-due') return false;
    if (residual?.isOpen || !modeTraits[request.mode].takesDrafts) return false;
    return link.flushMs === null || nowMs >= link.flushMs;
  }

  #planRound(view: SessionView): DraftSend | null {
    if (view.isAwaiting) return null;
    const { chain } = view.text!;
    // Without a run no more tokens come: send those that are there, or ask for one.
    if (view.drafting.isRunning && (chain.length === 0 || !isRoundReady(view))) return null;
    return this.#send(view, Math.min(chain.end, chain.base + roundMax(view)), false);
  }

  /** Pipeline, race and auto. */
  #planStream(view: SessionView, nowMs: number): DraftSend | null {
    const { drafting, request, windowMax, isAwaiting, timings } = view;
    const { chain } = view.text!;
    if (chain.sentTo - chain.base < holdLength(view)) this.#enoughSinceMs = null;
    else this.#enoughSinceMs ??= view.lastSendMs ?? nowMs;
    const to = Math.min(chain.end, chain.base + windowMax, this.#reach(view, chain.sentTo));
    if (to <= chain.sentTo) {
      const isAsking = request.mode === 'pipeline' && !isAwaiting && !drafting.isRunning;
      return isAsking ? this.#send(view, chain.base, false) : null;
    }
    this.#deadlineMs ??= deadlineOf(view, this.#enoughSinceMs, nowMs);
    const draftMs = drafting.isRunning ? (timings.draft.mean ?? 0) : Infinity;
    this.#isHeld = !isTimeToSend(this.#deadlineMs, nowMs, draftMs);
    return this.#isHeld ? null : this.#send(view, to, hasMore(view));
  }

  /** Position up to which drafts may be sent before the server has taken some. */
  #reach({ text, request, link }: SessionView, sentTo: number): number {
    const { chain } = text!;
    const { draftTokens } = link.welcome!.limits;
    // Laws may fill a frame with a single token.
    const perFrame = schemeTraits[request.scheme].needs === 'law' ? 1 : draftTokens;
    if (chain.beginsEpoch) this.#framesOut.clear();
    const room = this.#framesOut.room(chain.base) * perFrame;
    return Math.max(chain.base, sentTo, this.#framesOut.end) + room;
  }

  /** The chain up to `wanted`, as far as the server has room, in frames within its limits. */
  #send(view: SessionView, wanted: number, more: boolean, isRepeat = false): DraftSend {
    const { chain } = view.text!;
    const sentTo = isRepeat ? chain.base : chain.sentTo;
    const to = Math.min(wanted, this.#reach(view, sentTo));
    const from = Math.min(sentTo, to);
    const frames = draftFrames({
      session: view.wire!.id,
      epoch: chain.nextEpoch,
      from,
      tokens: chain.tokens(from, to),
      scheme: view.request.scheme,
      residual: from === chain.base ? (view.residual?.token ?? null) : null,
      hasMore: more,
      tellsChances: tellsChances(view),
      offered: view.link.welcome!.limits,
    });
    for (const frame of frames) this.#framesOut.add(frame.from + frame.ids.length);
    this.#deadlineMs = null;
    return { frames, from, to, isRepeat };
  }

  /** When an answer has been awaited for too long; null while none is awaited. */
  #timeoutAtMs(view: SessionView): number | null {
    const { wire, request, isAwaiting, lastSendMs, lastVerdictMs, timeouts, isOver } = view;
    if (wire === null || isOver) return null;
    const { writesUnasked } = modeTraits[request.mode];
    if (wire.state !== 'open' || !(writesUnasked || isAwaiting)) return null;
    const sinceMs = Math.max(lastSendMs ?? 0, lastVerdictMs ?? 0, this.#timedOutMs, this.#openedMs);
    const grace = lastVerdictMs === null ? firstVerdictGrace : 1;
    return sinceMs + timeoutMs(view) * grace * 2 ** Math.min(timeouts, doublingsMax);
  }

  /** Whether an answer has been awaited for too long. */
  isTimedOut(view: SessionView, nowMs: number): boolean {
    const atMs = this.#timeoutAtMs(view);
    return atMs !== null && nowMs >= atMs;
  }

  /** What is out and drafted since, merged; null: it leaves with the next flush. */
  repeat(view: SessionView, nowMs: number): DraftSend | null {
    this.#timedOutMs = nowMs;
    if (!modeTraits[view.request.mode].takesDrafts || view.text === null) return null;
    if (view.link.flushMs === null) return this.#repeat(view);
    this.#resendsAtFlush = true;
    return null;
  }

  #repeat(view: SessionView): DraftSend {
    this.#resendsAtFlush = false;
    const { chain } = view.text!;
    const to = Math.min(chain.end, chain.base + view.windowMax);
    const isEmpty = modeTraits[view.request.mode].writesUnasked && to <= chain.base;
    if (isEmpty) return { frames: [], from: chain.base, to: chain.base, isRepeat: true };
    return this.#send(view, to, false, true);
  }
}

/** A residual token that ends the answer has no drafts after it. */
function sendsResidualAlone({ text, wire, residual, settings, endMax }: SessionView): boolean {
  const token = residual?.token ?? null;
  if (wire!.state !== 'residual-due' || token === null) return false;
  return settings.endOfText.has(token) || text!.log.length >= endMax;
}

function isRoundReady(view: SessionView): boolean {
  const { request, timings, text } = view;
  const { chain } = text!;
  const confidences = chain.tokens(chain.base, chain.end).map(({ confidence }) => confidence);
  if (isRoundOver(request.stopRule, timings, confidences)) return true;
  const { aheadCount } = chain;
  if (aheadCount === 0) return false;
  const length = lengthWithHeadStart(request.stopRule, timings, aheadCount);
  return chain.length >= Math.min(roundMax(view), length);
}

/** Most tokens of one round. */
function roundMax({ advisedDraftLength, windowMax, request }: SessionView): number {
  const advised = advisedDraftLength ?? Infinity;
  return Math.max(1, Math.min(windowMax, request.stopRule.draftLengthMax, advised));
}

/** Whether more of the chain is sure to follow: then the server may leave out its token. */
function hasMore({ request, drafting }: SessionView): boolean {
  const isTestedByRatio = schemeTraits[request.scheme].test === 'ratio';
  return isTestedByRatio && request.mode === 'pipeline' && drafting.isRunning;
}

/** The last moment that delays no pass. @param enoughSinceMs see SendPlanner. */
function deadlineOf(view: SessionView, enoughSinceMs: number | null, nowMs: number): number {
  const { request, settings, timings, lastVerdictMs, lastSendMs, isAwaiting, link } = view;
  const { sending = 'margin' } = settings;
  const passMs = timings.pass.mean ?? (link.welcome?.passUs ?? 0) / 1000;
  if (link.flushMs !== null) return nowMs;
  if (request.mode === 'auto') {
    const soonMs = nowMs + holdShare * passMs;
    const clock = clockOf(view, timings.verify.mean ?? 0, timings.verify.deviation);
    // The server may hold for them.
    if (enoughSinceMs === null || clock === null) return soonMs;
    const draftMs = timings.draft.mean ?? 0;
    return Math.max(soonMs, deadlineWithEnough(clock, enoughSinceMs, draftMs, nowMs));
  }
  if (request.mode === 'pipeline' || lastVerdictMs === null) {
    // An idle server starts at once; a busy one is busy for about a pass.
    return isAwaiting && lastSendMs !== null ? lastSendMs + passMs : nowMs;
  }
  const clock = clockOf(view, passMs, timings.pass.deviation);
  return sending === 'at-once' || clock === null ? nowMs : sendDeadline(clock, nowMs, sending);
}

/** Null before all is measured. */
function clockOf(
  { timings: { roundTrip }, lastVerdictMs }: SessionView,
  passMs: number,
  passDeviationMs: number,
): PassClock | null {
  if (lastVerdictMs === null || roundTrip.mean === null || passMs <= 0) return null;
  return {
    verdictMs: lastVerdictMs,
    passMs,
    passDeviationMs,
    roundTripMs: roundTrip.mean,
    roundTripDeviationMs: roundTrip.deviation,
  };
}

function timeoutMs({ settings, timings }: SessionView): number {
  const times = timings.roundTimes;
  const expectedMs = times === null ? 0 : times.verifyMs + times.roundTripMs;
  return Math.max(settings.verdictTimeoutMs, 8 * expectedMs);
}
