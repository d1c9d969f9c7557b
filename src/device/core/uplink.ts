// When the drafts of a session leave, and in which frames: a round at a time (stop-and-wait), as the server becomes free
// (pipeline), or just before its next pass (race). Also what is sent again when nobody answers.

import type { DraftedToken } from '../../engine/engine.js';
import type { Draft } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { isTimeToSend, sendDeadline } from './coalesce.js';
import type { DeviceSession } from './device-session.js';
import { isRoundOver, lengthWithHeadStart } from './drafting/stop-rule.js';
import { earlier } from './earlier.js';
import { FramesOut } from './frames-out.js';

/** Bytes that an entry of a law takes on the wire at most: an id and a double, with their framing. */
const lawEntryBytes = 16;
/** First verdicts wait for the prompt. */
const firstVerdictGrace = 6;
/** Doublings of the time-out. */
const doublingsMax = 5;

export class Uplink {
  readonly #session: DeviceSession;
  readonly #framesOut = new FramesOut();
  /** The last moment to send what waits; kept until it is sent or a verdict shows when the next pass ends. */
  #deadlineMs: number | null = null;
  #isHeld = false;
  /** Nobody has answered for too long: what is out goes out again with the next beat. */
  #resendsAtFlush = false;
  #timedOutMs = 0;
  /** Arrival of Opened or Resumed. */
  #openedMs = 0;

  constructor(session: DeviceSession) {
    this.#session = session;
  }

  /** The session is open on the wire, for the first time or again. */
  onOpened(nowMs: number): void {
    this.#openedMs = nowMs;
    this.#resendsAtFlush = false;
    this.#deadlineMs = null;
  }

  /** The server's clock has been heard ticking. */
  onVerdict(): void {
    this.#resendsAtFlush = false;
    this.#deadlineMs = null;
  }

  /** The next moment at which something may be due; null: only an event changes anything. */
  dueMs(): number | null {
    return earlier(this.#isHeld ? this.#deadlineMs : null, this.#timeoutAtMs());
  }

  /** Sends what is due. */
  plan(nowMs: number): void {
    const { text, wire, request } = this.#session;
    this.#isHeld = false;
    if (text === null || wire === null || this.#session.isOver) return;
    if (this.#session.link.welcome === null) return;
    if (wire.state !== 'open' && wire.state !== 'residual-due') return;
    if (this.#session.residual?.isOpen || request.mode === 'stream') return;
    const { flushMs } = this.#session.link;
    if (flushMs !== null && nowMs < flushMs) return;
    if (this.#resendsAtFlush && wire.state === 'open') this.#resend(nowMs);
    if (this.#sendsResidualAlone()) this.#send(text.chain.base, nowMs, false);
    else if (request.mode === 'stop-and-wait') this.#planRound(nowMs);
    else this.#planStream(nowMs);
  }

  /** A residual token that ends the answer has no drafts behind it. */
  #sendsResidualAlone(): boolean {
    const { text, wire, residual, settings, endMax } = this.#session;
    if (wire!.state !== 'residual-due' || residual === null || residual.token === null)
      return false;
    return settings.endOfText.has(residual.token) || text!.log.length >= endMax;
  }

  #planRound(nowMs: number): void {
    const { text, drafting, isAwaiting } = this.#session;
    if (isAwaiting) return;
    const { chain } = text!;
    // Without a run nothing more will come: what is there goes, or the wish for one token of the target's own.
    if (drafting.isRunning && (chain.length === 0 || !this.#isRoundReady())) return;
    this.#send(Math.min(chain.end, chain.base + this.#roundMax()), nowMs, false);
  }

  #isRoundReady(): boolean {
    const { request, timings, text } = this.#session;
    const { chain } = text!;
    const confidences = chain.tokens(chain.base, chain.end).map(({ confidence }) => confidence);
    if (isRoundOver(request.stopRule, timings, confidences)) return true;
    const ahead = chain.aheadCount;
    return ahead > 0 && chain.length >= Math.min(this.#roundMax(), this.#headStart(ahead));
  }

  #headStart(aheadCount: number): number {
    const { request, timings } = this.#session;
    return lengthWithHeadStart(request.stopRule, timings, aheadCount);
  }

  /** Most tokens of one round. */
  #roundMax(): number {
    const { advisedDraftLength, windowMax, request } = this.#session;
    const advised = advisedDraftLength ?? Infinity;
    return Math.max(1, Math.min(windowMax, request.stopRule.draftLengthMax, advised));
  }

  /** Pipeline and race. */
  #planStream(nowMs: number): void {
    const { text, drafting, request, windowMax, isAwaiting, timings } = this.#session;
    const { chain } = text!;
    const to = Math.min(chain.end, chain.base + windowMax, this.#reach());
    if (to <= chain.sentTo) {
      if (request.mode === 'pipeline' && !isAwaiting && !drafting.isRunning) {
        this.#send(chain.base, nowMs, false);
      }
      return;
    }
    this.#deadlineMs ??= this.#deadline(nowMs);
    const draftMs = drafting.isRunning ? (timings.draft.mean ?? 0) : Infinity;
    if (isTimeToSend(this.#deadlineMs, nowMs, draftMs)) this.#send(to, nowMs, this.#hasMore());
    else this.#isHeld = true;
  }

  /** Position up to which drafts may be sent before the server has taken some. */
  #reach(): number {
    const { text, request, link } = this.#session;
    const { chain } = text!;
    const { draftTokens } = link.welcome!.limits;
    // Laws may fill a frame with a single token.
    const perFrame = request.scheme === 'full' ? 1 : draftTokens;
    if (chain.beginsEpoch) this.#framesOut.clear();
    const room = this.#framesOut.room(chain.base) * perFrame;
    return Math.max(chain.base, chain.sentTo, this.#framesOut.end) + room;
  }

  /** The last moment that delays no pass. */
  #deadline(nowMs: number): number {
    const { request, settings, timings, lastVerdictMs, lastSendMs, isAwaiting, link } =
      this.#session;
    const { sending = 'margin' } = settings;
    const passMs = timings.pass.mean ?? (link.welcome?.passUs ?? 0) / 1000;
    if (link.flushMs !== null) return nowMs;
    if (request.mode === 'pipeline' || lastVerdictMs === null) {
      // An idle server starts at once; a busy one is busy for about a pass.
      return isAwaiting && lastSendMs !== null ? lastSendMs + passMs : nowMs;
    }
    const { roundTrip } = link;
    if (sending === 'at-once' || passMs <= 0 || roundTrip.mean === null) return nowMs;
    const clock = {
      verdictMs: lastVerdictMs,
      passMs,
      passDeviationMs: timings.pass.deviation,
      roundTripMs: roundTrip.mean,
      roundTripDeviationMs: roundTrip.deviation,
    };
    return sendDeadline(clock, nowMs, sending);
  }

  /** Whether more of this chain is certain to follow: only then may the server leave out its own token. */
  #hasMore(): boolean {
    const { request, drafting } = this.#session;
    const isRatio = request.scheme === 'split' || request.scheme === 'full';
    return isRatio && request.mode === 'pipeline' && drafting.isRunning;
  }

  /** Sends the chain up to `wanted`, as far as the server has room, in as many frames as the limits ask for. */
  #send(wanted: number, nowMs: number, hasMore: boolean): void {
    const session = this.#session;
    const { text, wire, residual } = session;
    const { chain } = text!;
    const to = Math.min(wanted, this.#reach());
    const first = Math.min(chain.sentTo, to);
    let from = first;
    // Frames of one chain share an epoch; sending decides it.
    const epoch = chain.send(to);
    let token = residual?.token ?? null;
    if (residual !== null && token !== null && first === chain.base) residual.isSent = true;
    do {
      const tokens = this.#frameTokens(chain.tokens(from, to));
      const frame = draftFrame(wire!.id, epoch, from, tokens, {
        scheme: session.request.scheme,
        residual: from === chain.base ? token : null,
        more: hasMore || from + tokens.length < to,
      });
      session.link.send(session, frame);
      from += tokens.length;
      this.#framesOut.add(from);
      token = null;
    } while (from < to);
    session.tally.sentCount += to - first;
    session.lastSendMs = nowMs;
    session.awaitedFrom = chain.base;
    this.#deadlineMs = null;
  }

  /** The longest piece of `tokens` that one frame may carry. */
  #frameTokens(tokens: readonly DraftedToken[]): readonly DraftedToken[] {
    const { request, link } = this.#session;
    const offered = link.welcome!.limits;
    const countMax = Math.min(offered.draftTokens, limits.draftTokens.value);
    if (request.scheme !== 'full') return tokens.slice(0, countMax);
    const entriesMax = Math.min(
      limits.lawEntries.value,
      Math.floor(offered.frameBytes / lawEntryBytes),
    );
    let entries = 0;
    let count = 0;
    for (const { law } of tokens) {
      entries += law!.probs.length;
      if (count > 0 && entries > entriesMax) break;
      count++;
    }
    return tokens.slice(0, Math.min(count, countMax, limits.laws.value));
  }

  /** When nobody has answered for too long; null while nothing is awaited. */
  #timeoutAtMs(): number | null {
    const { wire, request, isAwaiting, lastSendMs, lastVerdictMs, timeouts, isOver } =
      this.#session;
    if (wire === null || isOver) return null;
    const isFed = request.mode === 'race' || request.mode === 'stream';
    if (wire.state !== 'open' || !(isFed || isAwaiting)) return null;
    const sinceMs = Math.max(lastSendMs ?? 0, lastVerdictMs ?? 0, this.#timedOutMs, this.#openedMs);
    const grace = lastVerdictMs === null ? firstVerdictGrace : 1;
    return sinceMs + this.#timeoutMs() * grace * 2 ** Math.min(timeouts, doublingsMax);
  }

  #timeoutMs(): number {
    const { settings, timings } = this.#session;
    const times = timings.roundTimes;
    const expectedMs = times === null ? 0 : times.verifyMs + times.roundTripMs;
    return Math.max(settings.verdictTimeoutMs, 8 * expectedMs);
  }

  /** Merges what was drafted since into what nobody answered, and sends it again. @returns whether it was time. */
  checkTimeout(nowMs: number): boolean {
    const atMs = this.#timeoutAtMs();
    if (atMs === null || nowMs < atMs) return false;
    const session = this.#session;
    this.#timedOutMs = nowMs;
    session.timeouts++;
    if (session.request.mode === 'stream' || session.text === null) return true;
    // Until then it counts as sent, and may be answered after all.
    if (session.link.flushMs !== null) this.#resendsAtFlush = true;
    else this.#resend(nowMs);
    return true;
  }

  #resend(nowMs: number): void {
    const session = this.#session;
    this.#resendsAtFlush = false;
    session.tally.resendCount++;
    const { chain } = session.text!;
    chain.resend();
    session.awaitedFrom = null;
    const to = Math.min(chain.end, chain.base + session.windowMax);
    if (session.request.mode !== 'race' || to > chain.base) this.#send(to, nowMs, false);
  }
}

interface DraftShape {
  readonly scheme: DeviceSession['request']['scheme'];
  readonly residual: number | null;
  readonly more: boolean;
}

function draftFrame(
  session: number,
  epoch: number,
  from: number,
  tokens: readonly DraftedToken[],
  { scheme, residual, more }: DraftShape,
): Draft {
  const isEmpty = tokens.length === 0;
  return {
    kind: 'draft',
    session,
    epoch,
    from,
    ids: Int32Array.from(tokens, ({ token }) => token),
    probs: scheme === 'split' && !isEmpty ? Float64Array.from(tokens, ({ prob }) => prob!) : null,
    laws: scheme === 'full' && !isEmpty ? tokens.map(({ law }) => law!) : null,
    residual,
    more,
  };
}
