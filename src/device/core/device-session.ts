// Keeps one answer on a device: committed tokens, the drafted chain, the session on the wire, and
// what the user was told. Planners read it as a SessionView and return what to draft and what to
// send; the session applies it.

import { assert } from '../../base/assert.js';
import type { PilotfishError } from '../../base/error.js';
import type { DraftEndReason } from '../../engine/engine.js';
import { samplingRequestOf } from '../../math/sampling-request.js';
import type { DeviceFrame, EndReason, Hint, Resumed, Verdict } from '../../protocol/frame.js';
import type { SessionState } from '../../protocol/session-state.js';
import { TokenLog } from '../../protocol/token-log.js';
import { showsDrafts } from './absence.js';
import { DraftChain } from './draft-chain.js';
import { AheadPlanner, holdsBranches } from './drafting/ahead/ahead-planner.js';
import { ChainPlanner } from './drafting/chain-planner.js';
import type { DraftPassTimes } from './drafting/draft-pass-times.js';
import type { DraftAction, DraftPlanner } from './drafting/draft-planner.js';
import { DraftRunner, sequenceText } from './drafting/draft-runner.js';
import { SpeculationGate } from './drafting/speculation-gate.js';
import { Timings } from './drafting/timings.js';
import type { ForgettingMean } from './estimate.js';
import type { DeviceEffect, GenerateRequest, SequenceToken } from './event.js';
import { type CommittedToken, reconcile } from './reconcile.js';
import type { ResidualDraw } from './residual-draw.js';
import { type DraftSend, SendPlanner } from './send-planner.js';
import type { LinkView, SessionView } from './session-view.js';
import type { DeviceCoreSettings } from './settings.js';
import { AnswerTally, type CoreStatistics, statisticsOf } from './statistics.js';
import type { AnswerId } from './token.js';
import { UserFeed } from './user-feed.js';

/** The connection as a session uses it. */
export interface SessionLink extends LinkView {
  readonly roundTrip: ForgettingMean;
  readonly draftPass: DraftPassTimes;
  send(session: DeviceSession, frame: DeviceFrame): void;
  out(effect: DeviceEffect): void;
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
  awaitedFrom: number | null = null;
  timeouts = 0;
  /** Reopenings in a row without a token between them. */
  reopenCount = 0;
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
    this.userFeed = new UserFeed(answer, out);
    this.drafting = new DraftRunner(answer, out);
    this.draftPlanner = holdsBranches(settings, request)
      ? new AheadPlanner(settings)
      : new ChainPlanner();
    if (request.prompt.kind === 'ids') this.begin(request.prompt.ids);
  }

  /** The prompt's ids are known; drafting may start. */
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
    this.link.out({
      kind: 'draft-open',
      answer: this.answer,
      config: { sampling, seed, schema, promptLength },
    });
  }

  /** Position behind the last token that the answer may have. */
  get endMax(): number {
    return this.text!.promptLength + this.request.tokensMax;
  }

  get isPaused(): boolean {
    return this.speculationGate.pausedUntilMs !== null;
  }

  /** Asks the planners what follows from the new state, and does it. */
  plan(nowMs: number): void {
    if (this.isOver) return;
    this.#planDrafts(nowMs);
    this.#planSends(nowMs);
  }

  #planDrafts(nowMs: number): void {
    if (this.text === null || this.settings.drafter === null) return;
    // A pause whose time has come would set its timer again and again.
    this.speculationGate.endPause(nowMs);
    this.#draft(this.draftPlanner.plan(this, nowMs), nowMs);
  }

  #draft(action: DraftAction, nowMs: number): void {
    switch (action.kind) {
      case 'keep':
        this.drafting.drop(action.unwanted);
        break;
      case 'stop':
        this.drafting.stop();
        break;
      case 'start': {
        const texts = action.grows.map((grows) => sequenceText(this.text!, grows));
        this.drafting.stop();
        this.tally.draftStartCount++;
        this.drafting.start(action.run, this.request.scheme, texts, nowMs);
      }
    }
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
      this.awaitedFrom = null;
    }
    if (frames.length === 0) return;
    chain.send(to);
    if (this.residual?.isOpen === false && from === chain.base) this.residual.isSent = true;
    for (const frame of frames) this.link.send(this, frame);
    this.tally.sentCount += to - from;
    this.lastSendMs = nowMs;
    this.awaitedFrom = chain.base;
  }

  /** A pass of the drafter has brought tokens. */
  onDrafted(run: number, tokens: readonly SequenceToken[], nowMs: number): void {
    if (this.text === null) return;
    const grown = this.drafting.take(run, tokens, this.timings, nowMs);
    if (grown.length === 0) return;
    this.tally.draftPassCount++;
    this.tally.draftedCount += grown.length;
    for (const { grows, token } of grown) {
      if (grows === 'chain') this.text.chain.push(token, this.isAwaiting);
      else if (grows === 'nothing') this.tally.wastedCount++;
    }
    this.draftPlanner.drafted(grown);
  }

  onDraftEnded(run: number, reasons: readonly DraftEndReason[]): void {
    this.drafting.ended(run, reasons);
  }

  onHint(hint: Hint, nowMs: number): void {
    this.draftPlanner.hint(this, hint, nowMs);
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
    else if (chain.end >= (this.settings.drafter?.contextLength ?? Infinity)) {
      this.finish('context', false, nowMs);
    }
  }

  /** Whether an answer to a draft is outstanding. */
  get isAwaiting(): boolean {
    if (this.text === null) return false;
    const { base, sentTo } = this.text.chain;
    return sentTo > base || this.awaitedFrom === base;
  }

  /**
   * Commits the tokens of a verdict or a resumption.
   *
   * @returns what is wrong with the frame, or null.
   */
  take(said: Verdict | Resumed, nowMs: number): string | null {
    assert(this.text !== null, 'a verdict before the prompt is known');
    const { log, chain } = this.text;
    const result = reconcile(log, chain.view, said);
    if (result.kind === 'fault') return result.message;
    const { tokens, matchedCount, isContradicted, keptCount } = result;
    if (log.length + tokens.length > this.endMax) {
      return `${log.length + tokens.length - this.endMax} tokens beyond the ${this.request.tokensMax} asked for`;
    }
    const untold = tokens.findIndex(({ logprobs }) => logprobs === undefined);
    if (samplingRequestOf(this.request).topLogprobs !== null && untold >= 0) {
      return `no log-probabilities of the token at ${log.length + untold}`;
    }
    const chainEnd = chain.end;
    const firstVoid = chain.base + matchedCount;
    this.commit(tokens, nowMs);
    this.#countChain(chainEnd, tokens.length, isContradicted);
    this.draftPlanner.learn(this, firstVoid);
    const update = chain.advance(log.length, matchedCount, !isContradicted);
    this.tally.keptCount += matchedCount;
    this.tally.aheadUsedCount += update.usedAheadCount;
    this.tally.wastedCount += update.wastedCount;
    this.timings.addTests(matchedCount, isContradicted ? 1 : 0);
    const isOvertaken = keptCount === 0 && log.length > chainEnd;
    if (isContradicted || isOvertaken) this.#turn(Math.min(firstVoid, chainEnd), nowMs);
    else if (tokens.length > 0) {
      this.draftPlanner.advance(this, nowMs);
      this.drafting.onCommit();
    }
    return null;
  }

  /**
   * Replaces the chain, which is empty, by a branch that matches the committed tokens, if there is
   * one.
   *
   * @param firstVoid where the old chain stopped matching them.
   */
  #turn(firstVoid: number, nowMs: number): void {
    const { drafting } = this;
    const { chain } = this.text!;
    assert(chain.length === 0, `a new chain behind one of ${chain.length} tokens`);
    const adoption = this.draftPlanner.settle(this, firstVoid, nowMs);
    const isRunning = adoption !== null && drafting.growths.includes(adoption.branch);
    if (!isRunning) drafting.restart(firstVoid);
    if (adoption === null) return;
    const { branch, committedCount, tokens, isWhole } = adoption;
    for (const token of tokens) chain.push(token, true);
    this.tally.keptCount += committedCount;
    if (isRunning && isWhole) drafting.promote(branch);
    else if (isRunning) drafting.restart(branch.position);
    if (branch.isClosed && isWhole) drafting.exhaust();
  }

  /** Counts whether the chain reached the last committed token, and whether it stood there. */
  #countChain(chainEnd: number, newCount: number, isContradicted: boolean): void {
    if (newCount === 0) return;
    if (!isContradicted && chainEnd < this.text!.log.length) return;
    this.tally.chainTestedCount++;
    if (!isContradicted) this.tally.chainSurvivedCount++;
  }

  /** Makes tokens final and reports them. */
  commit(tokens: readonly CommittedToken[], nowMs: number): void {
    if (tokens.length === 0) return;
    this.reopenCount = 0;
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

  /** Voids the whole chain after a rejection without a replacement token. */
  dropChain(position: number): void {
    const { chain } = this.text!;
    this.tally.wastedCount += chain.advance(chain.base, 0, false).wastedCount;
    this.drafting.restart(position);
  }

  /** Commits the residual token that was drawn. */
  commitResidual(nowMs: number): void {
    const { log, chain } = this.text!;
    const { token, logprobs } = this.residual!;
    this.commit([{ token: token!, origin: 'residual', ...(logprobs && { logprobs }) }], nowMs);
    this.tally.wastedCount += chain.advance(log.length, 0, false).wastedCount;
    this.drafting.restart(log.length - 1);
  }

  /** Continues in a resumed session with the server's newest epoch, or in a new session (null). */
  rejoin(serverEpoch: number | null): void {
    if (this.residual !== null) this.residual.isSent = false;
    this.text?.chain.rejoin(serverEpoch);
    this.awaitedFrom = null;
  }

  /** Forgets the server's session, which is gone; another is opened with the answer so far. */
  forgetWire(): void {
    this.#closeWire();
    this.wire = null;
    this.resumeKey = null;
    this.residual = null;
    this.rejoin(null);
  }

  /**
   * Committed tokens that the server is known to have: one less while it lacks the residual token.
   */
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
