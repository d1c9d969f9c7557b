// Keeps one session: its committed tokens, the drafts in line, and its state (session-status.ts).
// Changes only by its own methods, one for each event. Sends nothing, asks the engine nothing.

import { assert } from '../../base/assert.js';
import type { Outcome } from '../../engine/engine.js';
import { type Draft, type EndReason, modeTraits, type SourceCounts } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import {
  type Reception,
  receive,
  type SessionEvent,
  stateAfterSending,
  type SessionState as WireState,
} from '../../protocol/session-state.js';
import type { CommittedTokens, TokenLog } from '../../protocol/token-log.js';
import { type AfterPass, type CommittedText, commitOutcome, endAfter } from './commit-outcome.js';
import { DraftBuffer, type DraftCounts, type ReceivedChain } from './draft-buffer.js';
import { DraftHistory } from './draft-history.js';
import { type ServerTests, SourceTally } from './drafting/source-tally.js';
import { WordLog } from './drafting/word-log.js';
import { LogprobLog, logprobsOfEntry } from './logprob-log.js';
import * as moves from './session-moves.js';
import type {
  AttachedDevice,
  DueLaw,
  InFlightSegment,
  PassTimes,
  SessionAddress,
  SessionDevice,
  SessionProgress,
  SessionStatus,
  SlowDevice,
} from './session-status.js';
import type { NewSession, SessionTerms } from './session-terms.js';

const noCounts: DraftCounts = { acceptedCount: 0, rejectedCount: 0 };
const goesOn: AfterPass = { end: null, due: null };

export class Session {
  readonly key: number;
  readonly terms: SessionTerms;
  readonly resumeKey: string;
  /** Its log as draft models and look-ups see it. */
  readonly words: WordLog;
  readonly #log: TokenLog;
  readonly #drafts = new DraftBuffer();
  readonly #history: DraftHistory;
  /** Where they were asked for. */
  readonly #logprobs: LogprobLog | null;
  readonly #sources = new SourceTally();
  readonly #text: CommittedText;
  #status: SessionStatus;
  /** Of the log when it was opened: its prompt, and what an answer began with elsewhere. */
  readonly openedLength: number;
  /** Committed length that the device knows of. */
  #announcedLength: number;
  /** An empty draft asks for the token at this position. */
  #requestedPosition: number | null = null;
  /** Verdicts and resumptions sent: each may have raised the device's epoch once. */
  #replyCount = 0;
  #slotFailureCount = 0;
  #cachedCount: number | null = null;
  #waitingSinceMs: number;
  #draftAtMs: number;

  constructor({ key, terms, log, resumeKey, address }: NewSession, nowMs: number) {
    this.key = key;
    this.terms = terms;
    this.resumeKey = resumeKey;
    this.#log = log;
    this.#history = new DraftHistory(terms.tenant.trust.inherited);
    const { topLogprobs, promptLength, hold } = terms;
    this.words = new WordLog(log, hold === null ? 0 : promptLength);
    const isTold = topLogprobs !== null;
    this.#logprobs = isTold ? new LogprobLog(topLogprobs, promptLength, log.length) : null;
    const [drafts, logprobs, sources] = [this.#drafts, this.#logprobs, this.#sources];
    this.#text = { terms, log, drafts, logprobs, sources };
    this.openedLength = log.length;
    this.#announcedLength = log.length;
    [this.#waitingSinceMs, this.#draftAtMs] = [nowMs, nowMs];
    const device = { kind: 'attached', address, wire: 'opening' } as const;
    this.#status = moves.newStatus(device, endAfter(log, terms));
  }

  // State.

  get status(): SessionStatus {
    return this.#status;
  }

  get log(): CommittedTokens {
    return this.#log;
  }

  get drafts(): ReceivedChain {
    return this.#drafts;
  }

  /** How its drafts have done. */
  get history(): Omit<DraftHistory, 'verdictSent' | 'advised' | 'judged'> {
    return this.#history;
  }

  get isForgotten(): boolean {
    return this.#status.kind === 'forgotten';
  }

  /** Where its device is reached; null: it has none now. */
  get address(): SessionAddress | null {
    const device = this.#device;
    return device === null || device.kind === 'detached' ? null : device.address;
  }

  get isAttached(): boolean {
    return this.address !== null;
  }

  /** Since when it has no device; null: it has one. */
  get detachedAtMs(): number | null {
    const device = this.#device;
    return device?.kind === 'detached' ? device.sinceMs : null;
  }

  /** Why it is over; null: it goes on. */
  get end(): EndReason | null {
    return this.#status.kind === 'ended' ? this.#status.reason : null;
  }

  /** The law that its device draws the next token from, or null. */
  get due(): DueLaw | null {
    return this.#status.kind === 'law-due' ? this.#status.due : null;
  }

  /** Its part of the pass in flight, or null. */
  get segment(): InFlightSegment | null {
    const { kind } = this.#status;
    return kind === 'in-pass' || kind === 'cancelling' ? this.#status.segment : null;
  }

  /** Whether the last pass failed with this session in it. */
  get isSuspect(): boolean {
    return this.#status.kind === 'waiting' && this.#status.isSuspect;
  }

  /** Whether the engine may work for it. */
  get isRunning(): boolean {
    const { kind } = this.#status;
    return (kind === 'waiting' || kind === 'in-pass') && this.#status.device.kind !== 'detached';
  }

  /** Whether its prompt is to be computed although no row of it is asked for. */
  get wantsPrefill(): boolean {
    const status = this.#status;
    return this.isRunning && 'phase' in status && status.phase === 'prefill';
  }

  /** Whether the next pass should judge a row of it. */
  get wantsJudging(): boolean {
    if (!this.isRunning) return false;
    if (modeTraits[this.terms.mode].writesUnasked) return true;
    const { length } = this.#log;
    const isAsked = this.#requestedPosition !== null && this.#requestedPosition >= length;
    return isAsked || this.#drafts.pendingCount(length) > 0;
  }

  /** Drafts that a pass may test at most: after them the target adds a token of its own. */
  get draftRoom(): number {
    return Math.max(0, this.terms.lengthMax - this.#log.length - 1);
  }

  /** Its tokens so far by what drafted them. */
  get sources(): SourceCounts {
    return this.#sources.total;
  }

  /** What passes have tested of the server's drafts for it. */
  get serverTests(): ServerTests {
    return this.#sources.tests;
  }

  /** Committed tokens that its device has not been told of. */
  get unannouncedCount(): number {
    return this.#log.length - this.#announcedLength;
  }

  /** Times of the newest verdict kept back from a slow device; null: there is none. */
  get deferredTimes(): PassTimes | null {
    const device = this.#device;
    return device?.kind === 'slow' ? device.times : null;
  }

  /** Highest epoch that its device can have reached. */
  get epochMax(): number {
    return Math.min(this.#replyCount, limits.epoch.value);
  }

  /** Since when it could have been in a pass. */
  get waitingSinceMs(): number {
    return this.#waitingSinceMs;
  }

  /** Arrival of the newest draft. */
  get draftAtMs(): number {
    return this.#draftAtMs;
  }

  /** Prompt tokens that were in a cache, and not computed; null before its first pass. */
  get cachedCount(): number | null {
    return this.#cachedCount;
  }

  /** Slots that have failed under it since it last committed tokens. */
  get slotFailureCount(): number {
    return this.#slotFailureCount;
  }

  // Events from the device.

  /** Applies the table of the protocol to a frame of its device. */
  received(event: SessionEvent): Reception {
    const { address, wire } = this.#attached;
    const reception = receive(wire, event, address.session);
    if (reception.kind === 'move') this.#moveWire(reception.state);
    return reception;
  }

  /**
   * Takes a draft that was checked. A draft of an older epoch or of a void chain is dropped.
   *
   * @returns the position where it contradicts its own chain, or null.
   */
  addDraft(frame: Draft, nowMs: number): number | null {
    const drafts = this.#drafts;
    const { epoch, from, ids, more } = frame;
    if (epoch < drafts.epoch) return null;
    if (epoch > drafts.epoch) drafts.begin(epoch, from);
    drafts.lastFrame = { from, to: from + ids.length, more };
    if (drafts.isVoid) return null;
    const wasWaiting = this.wantsJudging;
    const contradiction = drafts.add(frame, this.#log);
    if (contradiction !== null) return contradiction;
    if (ids.length === 0 && from >= this.#log.length) this.#requestedPosition = from;
    this.#draftAtMs = nowMs;
    if (!wasWaiting) this.#waitingSinceMs = nowMs;
    return null;
  }

  /** Commits the token that the device has drawn from the law that was due. */
  commitResidual(token: number, nowMs: number): void {
    const { due } = this;
    assert(due !== null, `no residual token is due while ${this.#status.kind}`);
    this.#log.push(token);
    if (due.logprobs !== null) {
      const index = due.law.kind === 'dense' ? token : due.law.ids.indexOf(token);
      this.#logprobs!.push(logprobsOfEntry(due.logprobs, index));
    }
    this.#announcedLength = this.#log.length;
    this.#waitingSinceMs = nowMs;
    this.#status = moves.residualCommitted(this.#status, endAfter(this.#log, this.terms));
  }

  /** Ends the session, or lets it end with the pass that it is in. */
  cancel(): void {
    this.#status = moves.withCancel(this.#status);
  }

  /**
   * Goes on with a device on another connection.
   *
   * @param committedLength what that device holds of the log.
   * @returns the rest of the log, of which the device counts as told.
   */
  attach(address: SessionAddress, committedLength: number, nowMs: number): SessionProgress {
    const device = { kind: 'attached', address, wire: 'resuming' } as const;
    this.#status = moves.withDevice(this.#status, device);
    this.#drafts.clear();
    this.#requestedPosition = null;
    this.#waitingSinceMs = nowMs;
    const progress = this.#progress(committedLength, committedLength, noCounts);
    this.#announcedLength = this.#log.length;
    this.#replyCount++;
    return progress;
  }

  /** Waits for a resumption: the connection is gone. */
  detach(nowMs: number): void {
    this.#status = moves.withDevice(this.#status, { kind: 'detached', sinceMs: nowMs });
    this.#drafts.clear();
  }

  // Events from the engine.

  passStarted(segment: InFlightSegment, cachedLength: number): void {
    // Before the first token a pass may be run again because what was in a cache is lost.
    if (this.#log.length === this.openedLength)
      this.#cachedCount = Math.min(this.#cachedCount ?? this.terms.promptLength, cachedLength);
    this.#status = moves.passStarted(this.#status, segment);
    this.#drafts.passTaken();
    if (segment.isJudged) this.#history.judged(this.#waitingSinceMs);
  }

  /**
   * Commits what its pass has decided. Nothing happens to a forgotten session.
   *
   * @returns false where an operation on its slot has failed meanwhile, and the result is dropped.
   */
  commitPass(outcome: Outcome, nowMs: number): boolean {
    const status = this.#status;
    if (status.kind !== 'in-pass' && status.kind !== 'cancelling') return false;
    const { segment, isInvalid } = status;
    this.#waitingSinceMs = nowMs;
    const isCommitted = segment.isJudged && !isInvalid;
    // A part of a prompt is no end: the rest would be copied from what has failed.
    if (isCommitted) this.#slotFailureCount = 0;
    const after = isCommitted ? commitOutcome(this.#text, segment, outcome) : goesOn;
    this.#status = moves.passEnded(status, after, segment.isJudged);
    return !isInvalid;
  }

  /** Its pass came to nothing. */
  passFailed(): void {
    this.#status = moves.passFailed(this.#status);
  }

  /** An operation on its slot has failed: nothing that is computed there counts. */
  slotFailed(): void {
    this.#slotFailureCount++;
    this.#status = moves.slotFailed(this.#status);
  }

  /** Its slot was given to another session. */
  evicted(): void {
    this.#status = moves.evicted(this.#status);
  }

  // Replies to the device.

  /** Applies the table of the protocol to a frame for its device. */
  sent(event: SessionEvent): void {
    this.#moveWire(stateAfterSending(this.#attached.wire, event));
  }

  /** Keeps a verdict back: the device reads slowly, and the next one says it all. */
  defer(times: PassTimes): void {
    this.#status = moves.deferred(this.#status, times);
  }

  /** The content of the next verdict. The device counts as told of it. */
  takeProgress(nowMs: number): SessionProgress {
    const { address, wire } = this.#attached;
    this.#status = moves.withDevice(this.#status, { kind: 'attached', address, wire });
    const counts = this.#drafts.takeCounts();
    this.#history.verdictSent(counts, nowMs);
    this.terms.tenant.trust.learn(counts.acceptedCount, counts.rejectedCount);
    const from = this.#drafts.heldTo(this.#announcedLength, this.#log);
    const progress = this.#progress(from, this.#announcedLength, counts);
    this.#announcedLength = this.#log.length;
    this.#replyCount++;
    if (progress.end === null) this.#drafts.forgetBelow(this.#announcedLength);
    else this.#drafts.clear();
    return progress;
  }

  /** @param untoldFrom position of the first token whose log-probabilities the device lacks. */
  #progress(from: number, untoldFrom: number, counts: DraftCounts): SessionProgress {
    const { end, due } = this;
    const { epoch } = this.#drafts;
    const tokens = this.#log.slice(from);
    const logprobs = this.#logprobs?.between(untoldFrom, this.#log.length) ?? null;
    const sources = this.#sources.take();
    return { epoch, from, tokens, ...counts, end, due, logprobs, sources };
  }

  /** The device was told how long to draft. */
  advised(length: number): void {
    this.#history.advised(length);
  }

  /** Is over for good. */
  forget(): void {
    this.#status = moves.forgotten(this.#status);
  }

  /** Moves on the wire. A device in another state there has nothing deferred. */
  #moveWire(wire: WireState): void {
    const { address, wire: before } = this.#attached;
    if (wire === before) return;
    this.#status = moves.withDevice(this.#status, { kind: 'attached', address, wire });
  }

  get #device(): SessionDevice | null {
    return this.#status.kind === 'forgotten' ? null : this.#status.device;
  }

  get #attached(): AttachedDevice | SlowDevice {
    const device = this.#device;
    assert(device !== null && device.kind !== 'detached', `session ${this.key} has no device`);
    return device;
  }
}
