// Keeps one answer on a device: committed tokens, the drafted chain, the session on the wire, and
// what the user was told. Planners read it as a SessionView and return what to draft and what to
// send; the session applies it.

import type { PilotfishError } from '../../base/error.js';
import type { Law } from '../../math/law.js';
import type { LawLogprobs } from '../../math/logprobs.js';
import { samplingRequestOf } from '../../math/sampling-request.js';
import type { DeviceFrame, EndReason, Opened, SentLaw } from '../../protocol/frame.js';
import type { SessionState } from '../../protocol/session-state.js';
import { TokenLog } from '../../protocol/token-log.js';
import { showsDrafts } from './absence.js';
import { followCommit, planDrafts } from './chain-growth.js';
import { DraftChain } from './draft-chain.js';
import { AheadPlanner, holdsBranches } from './drafting/ahead/ahead-planner.js';
import { ChainPlanner, isContextFull } from './drafting/chain-planner.js';
import type { DraftPassTimes } from './drafting/draft-pass-times.js';
import type { DraftPlanner } from './drafting/draft-planner.js';
import { DraftRunner } from './drafting/draft-runner.js';
import { SpeculationGate } from './drafting/speculation-gate.js';
import { Timings } from './drafting/timings.js';
import type { ForgettingMean } from './estimate.js';
import type { DeviceEffect, GenerateRequest } from './event.js';
import { type PictureLink, PictureSending } from './picture-sending.js';
import type { Commit, CommittedToken } from './reconcile.js';
import { ResidualDraw } from './residual-draw.js';
import { type DraftSend, SendPlanner } from './send-planner.js';
import type { LinkView, SessionView } from './session-view.js';
import type { DeviceCoreSettings } from './settings.js';
import { AnswerTally, type CoreStatistics, statisticsOf } from './statistics.js';
import type { AnswerId } from './token.js';
import { UserFeed } from './user-feed.js';

/** Most reopenings in a row without a token between them. */
const reopenMax = 3;

/** The connection as a session uses it. */
export interface SessionLink extends LinkView {
  readonly roundTrip: ForgettingMean;
  readonly draftPass: DraftPassTimes;
  readonly pictures: PictureLink;
  send(session: DeviceSession, frame: DeviceFrame): void;
  out(effect: DeviceEffect): void;
  /** The answer has got further. */
  onProgress(): void;
  /** Measures the round trip now. */
  measure(nowMs: number): void;
}

/** The session on the wire. */
export interface Wire {
  readonly id: number;
  state: SessionState;
}

/** Prompt known, text growing. */
export interface SessionText {
  readonly promptLength: number;
  readonly log: TokenLog;
  readonly chain: DraftChain;
}

export class DeviceSession implements SessionView {
  readonly answer: AnswerId;
  readonly request: GenerateRequest;
  readonly settings: DeviceCoreSettings;
  readonly link: SessionLink;
  readonly startedMs: number;
  readonly timings: Timings;
  readonly tally = new AnswerTally();
  readonly speculationGate = new SpeculationGate();
  readonly userFeed: UserFeed;
  readonly drafting: DraftRunner;
  readonly draftPlanner: DraftPlanner;
  readonly sendPlanner = new SendPlanner();
  readonly pictures: PictureSending;
  /** Null until the server has said what the prompt's ids are. */
  text: SessionText | null = null;
  wire: Wire | null = null;
  resumeKey: Uint8Array | null = null;
  /** Granted by Opened. */
  windowMax = 0;
  advisedDraftLength: number | null = null;
  /** `split`: draws the residual token, and keeps it until the server has it. */
  residual: ResidualDraw | null = null;
  lastVerdictMs: number | null = null;
  lastSendMs: number | null = null;
  /** Committed length when the newest draft was sent; a verdict moves beyond it. */
  #awaitedFrom: number | null = null;
  timeouts = 0;
  /** In a row without a token between them. */
  #reopenCount = 0;
  /** The session is not opened before this time: the server asked to wait. */
  openAtMs = 0;
  isOver = false;

  constructor(
    answer: AnswerId,
    request: GenerateRequest,
    settings: DeviceCoreSettings,
    link: SessionLink,
    nowMs: number,
  ) {
    const out = (effect: DeviceEffect): void => link.out(effect);
    this.answer = answer;
    this.request = request;
    this.settings = settings;
    this.link = link;
    this.startedMs = nowMs;
    this.timings = new Timings(link.roundTrip, link.draftPass);
    this.userFeed = new UserFeed(answer, this.tally, out);
    this.drafting = new DraftRunner(answer, out);
    this.draftPlanner = holdsBranches(settings, request)
      ? new AheadPlanner(settings)
      : new ChainPlanner();
    this.pictures = new PictureSending(request.pictures ?? []);
    if (request.prompt.kind === 'ids') this.begin(request.prompt.ids);
  }

  /** The prompt's ids are known, those of images among them; drafting may start. */
  begin(promptIds: Int32Array): void {
    if (this.text !== null) return;
    const { length: promptLength } = promptIds;
    this.text = {
      promptLength,
      log: new TokenLog(promptIds),
      chain: new DraftChain(promptLength),
    };
    this.link.out({ kind: 'prompt', answer: this.answer, promptLength });
    if (this.settings.drafter === null) return;
    const { sampling, seed, schema } = samplingRequestOf(this.request);
    const absentCount = this.drafting.begin(promptIds);
    // Images alone: there is nothing to draft from.
    if (absentCount === promptLength) this.drafting.broke();
    this.link.out({
      kind: 'draft-open',
      answer: this.answer,
      config: {
        ...{ sampling, seed, schema, promptLength: promptLength - absentCount },
        ...(absentCount > 0 && { absentCount }),
      },
    });
  }

  /** Images have other ids on another server. @param promptIds with the same words. */
  rename(promptIds: Int32Array): void {
    const { promptLength, log, chain } = this.text!;
    const renamed = new TokenLog(promptIds);
    renamed.append(log.slice(promptLength));
    this.text = { promptLength, log: renamed, chain };
  }

  /** Position after the last token that the answer may have. */
  get endMax(): number {
    return this.text!.promptLength + this.request.tokensMax;
  }

  get draftAllowance(): number {
    return this.speculationGate.allowance;
  }

  /** Asks the planners what follows from the new state, and does it. */
  plan(nowMs: number): void {
    if (this.isOver) return;
    this.#sendPictures(nowMs);
    planDrafts(this, nowMs);
    this.#planSends(nowMs);
  }

  #sendPictures(nowMs: number): void {
    if (!this.pictures.isWaiting || this.wire?.state !== 'opening') return;
    for (;;) {
      const part = this.pictures.next(this.wire.id, this.link.pictures);
      if (part === null) break;
      this.link.send(this, part);
    }
    // Its answer tells that what was sent has arrived.
    if (this.pictures.isWaiting) this.link.measure(nowMs);
  }

  #planSends(nowMs: number): void {
    const send = this.sendPlanner.plan(this, nowMs);
    if (send === null) return;
    this.#send(send, nowMs);
    if (send.isRepeat) this.#planSends(nowMs);
  }

  /** Sends again what the server has not answered in time. */
  checkTimeout(nowMs: number): void {
    if (!this.sendPlanner.isTimedOut(this, nowMs)) return;
    this.timeouts++;
    const send = this.sendPlanner.repeat(this, nowMs);
    if (send !== null) this.#send(send, nowMs);
  }

  #send({ frames, from, to, isRepeat }: DraftSend, nowMs: number): void {
    const { chain } = this.text!;
    if (isRepeat) {
      this.tally.resendCount++;
      chain.resend();
      this.#awaitedFrom = null;
    }
    if (frames.length === 0) return;
    chain.send(to);
    if (this.residual?.isOpen === false && from === chain.base) this.residual.isSent = true;
    for (const frame of frames) this.link.send(this, frame);
    this.tally.sentCount += to - from;
    this.lastSendMs = nowMs;
    this.#awaitedFrom = chain.base;
  }

  /** Shows drafts while the target is away; a draft-only answer may end on them. */
  showDrafts(nowMs: number): void {
    if (this.text === null || !showsDrafts(this, nowMs)) return;
    const { chain } = this.text;
    const from = chain.base + this.userFeed.pendingCount;
    const tokens = chain.tokens(from, chain.end).map(({ token }) => token);
    if (tokens.length > 0) this.#stampFirst(nowMs);
    this.userFeed.provisional(from, tokens);
    if (this.request.fallback !== 'draft-only') return;
    const last = chain.at(chain.end - 1);
    const isEnd = last !== null && this.settings.endOfText.has(last.token);
    if (isEnd) this.finish('end-of-text', false, nowMs);
    else if (chain.end >= this.endMax) this.finish('length', false, nowMs);
    else if (this.settings.drafter !== null && isContextFull(this)) {
      this.finish('context', false, nowMs);
    }
  }

  /** Whether an answer to a draft is outstanding. */
  get isAwaiting(): boolean {
    if (this.text === null) return false;
    const { base, sentTo } = this.text.chain;
    return sentTo > base || this.#awaitedFrom === base;
  }

  /** Commits the tokens of a verdict or a resumption, and moves the chain. */
  take(result: Commit, nowMs: number): void {
    this.#commit(result.tokens, nowMs);
    followCommit(this, result, nowMs);
    this.#settleResidual();
  }

  /** Forgets a residual token once the server has moved beyond it. */
  #settleResidual(): void {
    const { residual, text, wire } = this;
    if (residual === null || residual.isOpen || wire?.state === 'residual-due') return;
    if (text!.log.length > residual.position + 1) this.residual = null;
  }

  /** Makes tokens final and reports them. */
  #commit(tokens: readonly CommittedToken[], nowMs: number): void {
    if (tokens.length === 0) return;
    this.#reopenCount = 0;
    this.link.onProgress();
    const { log } = this.text!;
    const from = log.length;
    for (const { token, origin } of tokens) {
      log.push(token);
      this.tally.origins[origin]++;
    }
    this.#stampFirst(nowMs);
    this.userFeed.commit(from, tokens);
  }

  #stampFirst(nowMs: number): void {
    this.tally.firstTokenMs ??= nowMs;
  }

  /** Draws a token in place of the draft at the end of the text, whose law was `draftLaw`. */
  drawResidual(draftLaw: Law, law: SentLaw, logprobs: LawLogprobs | null, nowMs: number): void {
    const { chain } = this.text!;
    const residual = new ResidualDraw(chain.base, draftLaw, this.request.seed);
    this.residual = residual;
    this.tally.wastedCount += chain.advance(chain.base, 0, false).wastedCount;
    this.drafting.restart(chain.base);
    residual.draw(law, logprobs);
    if (residual.isOpen) this.requestTail();
    else this.commitResidual(nowMs);
  }

  /** Asks for the whole law, without which the residual token cannot be drawn. */
  requestTail(): void {
    const { position } = this.residual!;
    this.link.send(this, { kind: 'tail-request', session: this.wire!.id, position });
  }

  /** Commits the residual token that was drawn. */
  commitResidual(nowMs: number): void {
    const { log, chain } = this.text!;
    const { token, logprobs } = this.residual!;
    this.#commit([{ token: token!, origin: 'residual', ...(logprobs && { logprobs }) }], nowMs);
    this.tally.wastedCount += chain.advance(log.length, 0, false).wastedCount;
    this.drafting.restart(log.length - 1);
  }

  /** A session of this id is opened or resumed on the wire. */
  attach(id: number): void {
    this.wire = { id, state: 'unused' };
    if (this.resumeKey !== null) return;
    this.rejoin(null);
    // Another server has load of its own.
    this.advisedDraftLength = null;
  }

  /** The connection is down. */
  detach(): void {
    this.wire = null;
    this.pictures.stop();
  }

  /** The server has opened the session. */
  onOpened({ resumeKey, windowMax }: Opened, nowMs: number): void {
    this.resumeKey = resumeKey;
    this.pictures.opened(this.link.pictures);
    this.windowMax = windowMax;
    this.onReached(nowMs);
  }

  /** The server has opened or resumed the session. */
  onReached(nowMs: number): void {
    this.timeouts = 0;
    this.sendPlanner.onOpened(nowMs);
  }

  /** A verdict has come. @param advisedDraftLength null: no advice. */
  onVerdict(advisedDraftLength: number | null, nowMs: number): void {
    this.lastVerdictMs = nowMs;
    this.timeouts = 0;
    this.advisedDraftLength = advisedDraftLength ?? this.advisedDraftLength;
    this.sendPlanner.onVerdict();
  }

  /** Continues in a resumed session with the server's newest epoch, or in a new session (null). */
  rejoin(serverEpoch: number | null): void {
    if (this.residual !== null) this.residual.isSent = false;
    this.text?.chain.rejoin(serverEpoch);
    this.#awaitedFrom = null;
  }

  get mayReopen(): boolean {
    return this.#reopenCount < reopenMax;
  }

  /** The server's session is gone: another is opened at `atMs` with the answer so far. */
  reopen(atMs: number): void {
    this.#reopenCount++;
    this.openAtMs = atMs;
    this.#closeWire();
    this.wire = null;
    this.resumeKey = null;
    this.residual = null;
    this.rejoin(null);
  }

  /** Committed tokens that the server has: one less while it lacks the residual token. */
  get sharedLength(): number {
    const { length } = this.text!.log;
    return this.residual === null ? length : Math.min(length, this.residual.position);
  }

  finish(reason: EndReason, isVerified: boolean, nowMs: number): void {
    if (isVerified && this.text !== null) this.userFeed.retract(this.text.log.length);
    const statistics = this.#end(nowMs);
    this.link.out({ kind: 'ended', answer: this.answer, reason, isVerified, statistics });
  }

  fail(error: PilotfishError, nowMs: number): void {
    const statistics = this.#end(nowMs);
    this.link.out({ kind: 'failed', answer: this.answer, error, statistics });
  }

  /** Frees everything: the run, the slot, the server's session. @returns the final statistics. */
  #end(nowMs: number): CoreStatistics {
    // Drafts that are left will never be verified.
    this.draftPlanner.release();
    this.tally.wastedCount += this.text?.chain.length ?? 0;
    const statistics = statisticsOf(this, nowMs);
    this.isOver = true;
    this.drafting.stop();
    if (this.text !== null && this.settings.drafter !== null) {
      this.link.out({ kind: 'draft-close', answer: this.answer });
    }
    this.#closeWire();
    return statistics;
  }

  #closeWire(): void {
    if (this.wire === null || this.wire.state === 'closed' || this.link.welcome === null) return;
    this.link.send(this, { kind: 'close', session: this.wire.id });
  }
}
