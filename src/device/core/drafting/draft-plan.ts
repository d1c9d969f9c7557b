// What the drafter of one answer does next: go on with the chain, draft a branch for an outcome that a verdict may bring,
// or rest. A verdict that follows a branch makes it the chain. Branches are drafted while a verdict is awaited only.

import { assert } from '../../../base/assert.js';
import type { DraftedToken } from '../../../engine/engine.js';
import type { Hint } from '../../../protocol/frame.js';
import { limits } from '../../../protocol/limits.js';
import type { DeviceSession, SessionText } from '../device-session.js';
import type { DraftChain } from '../draft-chain.js';
import type { SequenceToken } from '../event.js';
import { AcceptanceModel } from './acceptance-model.js';
import { type AheadBranch, AheadCache, type BranchChoice } from './ahead-cache.js';
import type { Growth, SequenceText } from './draft-runner.js';
import { wantsConfidence } from './stop-rule.js';

/** Most tokens of a branch: beyond them little of it would be left. */
const branchTokensMax = 16;

export class DraftPlan {
  readonly #session: DeviceSession;
  readonly #cache = new AheadCache();
  readonly #acceptanceModel = new AcceptanceModel();
  /** Arrival of the hint that is held. */
  #hintedMs = 0;
  /** A verdict or a hint has changed what is likely. */
  #isNew = false;
  /** A token has just been told: whoever stops the run now loses nothing of the next. */
  #isBetweenTokens = false;

  constructor(session: DeviceSession) {
    this.#session = session;
  }

  /** Whether branches are held at all: not under schemes whose corrections a draft cannot foretell (MATH.md, Branches). */
  get #branches(): boolean {
    const { settings, request } = this.#session;
    const { scheme, mode } = request;
    const isForeseen = scheme === 'greedy' || scheme === 'coupled';
    const isOffered = mode === 'race' ? settings.ahead.inRace : mode !== 'stream';
    return settings.ahead.tokensMax > 0 && isForeseen && isOffered;
  }

  /** Whether the server is asked for hints. */
  get usesHints(): boolean {
    const { settings } = this.#session;
    return this.#branches && settings.drafter !== null && settings.ahead.usesHints;
  }

  /** Starts, continues or stops the drafter as text, window and policy say. */
  plan(nowMs: number): void {
    const { text, settings, drafting, isOver, residual } = this.#session;
    if (text === null || settings.drafter === null || isOver) return;
    if (!this.#mayDraft(nowMs) || residual?.isOpen) {
      drafting.stop();
      return;
    }
    const mayBranch =
      this.#branches && this.#session.isAwaiting && !this.#session.showsDrafts(nowMs);
    this.#dropUnwanted(text, mayBranch, nowMs);
    this.#isBetweenTokens = false;
    if (drafting.growths.length > 0) return;
    const choice = this.#choose(text, mayBranch, nowMs);
    this.#isNew = false;
    if (choice !== null) this.#start(text, choice, nowMs);
  }

  /** Lets go of a chain that is full and of branches that are void; ends a run which something better has come up for. */
  #dropUnwanted(text: SessionText, mayBranch: boolean, nowMs: number): void {
    const { drafting } = this.#session;
    const isFull = this.#room(text, nowMs) <= 0;
    drafting.drop((growth) => {
      if (growth === 'nothing') return false;
      return growth === 'chain' ? isFull : !(mayBranch && this.#cache.holds(growth));
    });
    if (drafting.growths.length !== 1 || !this.#isNew || !this.#isBetweenTokens || !mayBranch) {
      return;
    }
    this.#isNew = false;
    const choice = this.#choose(text, true, nowMs);
    if (choice === null) return;
    const isSame = choice.grows.length === 1 && choice.grows[0] === drafting.growths[0];
    if (!isSame) drafting.stop();
  }

  #choose(text: SessionText, mayBranch: boolean, nowMs: number): BranchChoice | null {
    const { drafting, settings, timings, request } = this.#session;
    const { chain } = text;
    const isChainReady = drafting.isReady || drafting.isRunning;
    const isFull = chain.end >= settings.drafter!.contextLength;
    const chainRoom = isChainReady && !isFull ? Math.max(0, this.#room(text, nowMs)) : 0;
    if (!mayBranch) {
      return chainRoom > 0 ? { grows: ['chain'], countMax: chainRoom } : null;
    }
    return this.#cache.choose(chain, {
      budget: settings.ahead,
      acceptanceModel: this.#acceptanceModel,
      acceptanceRate: Math.min(0.99, Math.max(0.01, timings.acceptanceRate)),
      chainRoom,
      branchTokensMax: Math.min(branchTokensMax, request.stopRule.draftLengthMax),
      lostCount: this.#lostCount(),
      // The target adds the last token itself.
      lengthMax: Math.min(settings.drafter!.contextLength, this.#session.endMax - 1),
      endOfText: settings.endOfText,
      sequencesMax: settings.drafter!.sequencesMax,
      passCost: (rowCount) => timings.draftPass.cost(rowCount),
    });
  }

  /** In race the server steps on while a correction and what follows it are under way. */
  #lostCount(): number {
    const { timings, request } = this.#session;
    const { mean: passMs } = timings.pass;
    if (request.mode !== 'race' || passMs === null || passMs <= 0) return 0;
    return Math.floor((timings.roundTrip.mean ?? 0) / passMs) + 1;
  }

  #start(text: SessionText, { grows, countMax }: BranchChoice, nowMs: number): void {
    const { drafting, tally, request, settings } = this.#session;
    if (!(grows.includes('chain') ? drafting.isReady : drafting.canBranch)) return;
    const { stopRule, mode, scheme } = request;
    const isRound = mode === 'stop-and-wait';
    const endsUnsure = stopRule.kind === 'confidence' && !isRound;
    const options = {
      countMax,
      // A round that ends for lack of confidence is continued ahead, so upstream.ts looks at the confidences there.
      confidenceMin: endsUnsure ? stopRule.confidenceMin : 0,
      wantConfidence: isRound && wantsConfidence(stopRule),
      alternativesMax: this.#branches ? settings.ahead.runnersUpMax : 0,
    };
    tally.draftStartCount++;
    const texts = grows.map((one) => sequenceText(text, one));
    drafting.start(options, scheme, texts, nowMs);
  }

  #mayDraft(nowMs: number): boolean {
    const { speculationGate, request, advisedDraftLength } = this.#session;
    // Asked before all else: it ends a pause whose time has come, or the timer for it would come again and again.
    const isPaused = speculationGate.isPaused(nowMs);
    if (this.#session.showsDrafts(nowMs)) return true;
    if (request.mode === 'stream' || advisedDraftLength === 0) return false;
    return request.mode !== 'race' || !isPaused;
  }

  /** Tokens that the chain may still grow by; below 1: none. */
  #room({ chain }: SessionText, nowMs: number): number {
    const session = this.#session;
    const isShown = session.showsDrafts(nowMs);
    // The target adds the last token itself, unless it may never come.
    const toEnd = session.endMax - chain.end - (isShown ? 0 : 1);
    const window = isShown ? limits.windowTokens.value : this.#window();
    return Math.min(toEnd, window - chain.length);
  }

  #window(): number {
    const { request, windowMax, settings, isAwaiting } = this.#session;
    const granted = windowMax > 0 ? windowMax : request.windowMax;
    if (request.mode !== 'stop-and-wait') return granted;
    const { draftLengthMax } = request.stopRule;
    if (isAwaiting && !settings.ahead.ownContinuation) return 0;
    // A round, and as much again drafted ahead of its verdict.
    return Math.min(granted, 2 * draftLengthMax);
  }

  onDrafted(run: number, tokens: readonly SequenceToken[], nowMs: number): void {
    const { text, drafting, timings, tally } = this.#session;
    if (text === null) return;
    const grown = drafting.take(run, tokens, timings, nowMs);
    if (grown.length === 0) return;
    tally.draftPassCount++;
    this.#isBetweenTokens = true;
    for (const { grows, token } of grown) this.#grow(text, grows, token);
  }

  #grow({ chain }: SessionText, grows: Growth, token: DraftedToken): void {
    const { tally, isAwaiting } = this.#session;
    tally.draftedCount++;
    if (grows === 'chain') {
      chain.push(token, isAwaiting);
    } else if (grows === 'nothing' || !this.#cache.holds(grows)) {
      // Its verdict came while the pass was on.
      tally.wastedCount++;
    } else {
      grows.drafted.push(token);
      tally.branchTokenCount++;
    }
  }

  /** A guess of the server; what comes too late or of another chain is dropped. */
  onHint({ epoch, position, candidates, confidences }: Hint, nowMs: number): void {
    const { text, tally } = this.#session;
    const { chain } = text!;
    const isOfChain = this.usesHints && epoch === chain.epoch && !chain.beginsEpoch;
    if (!isOfChain || position < chain.base || position > chain.end) {
      tally.lateHintCount++;
      return;
    }
    tally.hintCount++;
    this.#cache.hear({ position, candidates, confidences });
    this.#hintedMs = nowMs;
    this.#isNew = true;
  }

  /** Learns from what is committed of the chain, before it is advanced. @param firstVoid where it stopped standing. */
  learn(chain: DraftChain, firstVoid: number): void {
    if (!this.#branches) return;
    const { log } = this.#session.text!;
    for (let position = chain.base; position <= firstVoid; position++) {
      const alternatives = chain.at(position)?.alternatives;
      if (alternatives === undefined || position >= log.length) continue;
      const rank = 1 + alternatives.tokens.indexOf(log.at(position));
      this.#acceptanceModel.learn(alternatives.gaps, position < firstVoid ? 0 : rank || null);
    }
  }

  /** The chain stands, and the committed length has moved along it. */
  advance(nowMs: number): void {
    this.#closeHint(nowMs);
    this.#cache.advance(this.#session.text!.log.length);
    this.#countDropped();
    this.#session.drafting.onCommit();
    this.#isNew = true;
  }

  /**
   * The chain is empty: contradicted, or overtaken. A branch that says what is committed now takes its place.
   *
   * @param position from which on the drafter's sequence may differ from the text.
   */
  turn(position: number, nowMs: number): void {
    const { drafting, text } = this.#session;
    this.#closeHint(nowMs);
    const hadChoice = this.#branches;
    const hit = this.#cache.settle(text!.log, position);
    this.#countDropped();
    const isRunning = hit !== null && drafting.growths.includes(hit.branch);
    if (!isRunning) drafting.restart(position);
    if (hit !== null) this.#adopt(hit.branch, hit.committedCount, isRunning, nowMs);
    else if (hadChoice) this.#session.tally.branchMissCount++;
  }

  #adopt(branch: AheadBranch, committedCount: number, isRunning: boolean, nowMs: number): void {
    const { drafting, tally } = this.#session;
    const text = this.#session.text!;
    const { chain } = text;
    assert(chain.length === 0, `a branch for a chain of ${chain.length} tokens`);
    const rest = branch.drafted.slice(committedCount);
    const kept = rest.slice(0, Math.max(0, this.#room(text, nowMs)));
    for (const token of kept) chain.push(token, true);
    tally.keptCount += committedCount;
    tally.branchUsedCount += committedCount + kept.length;
    tally.wastedCount += rest.length - kept.length;
    if (branch.source === 'hint') tally.hintHitCount++;
    else tally.runnerUpHitCount++;
    if (isRunning && kept.length === rest.length) drafting.promote(branch);
    else if (isRunning) drafting.restart(branch.position);
    if (branch.isClosed && kept.length === rest.length) drafting.exhaust();
  }

  #closeHint(nowMs: number): void {
    const { tally, text } = this.#session;
    const { hint } = this.#cache;
    const { log } = text!;
    if (hint === null || hint.position >= log.length) return;
    tally.hintLead.count++;
    tally.hintLead.totalMs += nowMs - this.#hintedMs;
    if (log.at(hint.position) === hint.candidates[0]) tally.hintRightCount++;
  }

  #countDropped(): void {
    this.#session.tally.wastedCount += this.#cache.takeDropped();
  }

  /** Lets go of all that is held. @returns drafted tokens that were. */
  release(): number {
    this.#cache.clear();
    return this.#cache.takeDropped();
  }
}

/** What a strand continues: text and chain, or of them what lies below the branch, and the branch. */
function sequenceText({ log, chain }: SessionText, grows: AheadBranch | 'chain'): SequenceText {
  const branch = grows === 'chain' ? null : grows;
  const tail = branch === null ? [] : [branch.token, ...branch.drafted.map(({ token }) => token)];
  const mainSequenceEnd = branch?.position ?? chain.end;
  const end = mainSequenceEnd + tail.length;
  const slice = (from: number): Int32Array => {
    const tokens = new Int32Array(end - from);
    for (let at = from; at < end; at++) {
      if (at >= mainSequenceEnd) tokens[at - from] = tail[at - mainSequenceEnd]!;
      else tokens[at - from] = at < chain.base ? log.at(at) : chain.at(at)!.token;
    }
    return tokens;
  };
  return { grows, end, committedLength: Math.min(log.length, mainSequenceEnd), slice };
}
