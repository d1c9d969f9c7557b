// One answer on a device: the committed tokens, the drafted chain, the session on the wire, and what the user is told.
// Decides nothing about time or links itself: device-core.ts feeds it, upstream.ts says when drafts leave.

import { assert } from '../../base/assert.js';
import type { PilotfishError } from '../../base/error.js';
import type { DraftEndReason } from '../../engine/engine.js';
import type { DeviceFrame, EndReason, Resumed, Verdict, Welcome } from '../../protocol/frame.js';
import type { SessionState } from '../../protocol/session-state.js';
import { TokenLog } from '../../protocol/token-log.js';
import { DraftChain } from './chain.js';
import type { DraftPassTimes } from './drafting/draft-pass-times.js';
import { DraftPlan } from './drafting/draft-plan.js';
import { Drafting } from './drafting/drafting.js';
import { Overtaking } from './drafting/overtaking.js';
import { Pace } from './drafting/pace.js';
import type { ForgettingMean } from './estimate.js';
import type { AnswerId, Effect, GenerateRequest } from './event.js';
import { type CommittedToken, reconcile } from './reconcile.js';
import type { ResidualDraw } from './residual-draw.js';
import type { CoreSettings } from './settings.js';
import { type Statistics, statisticsOf, Tally } from './statistics.js';
import { Teller } from './teller.js';

/** What a session needs to know of the connection. */
export interface SessionLink {
  /** The server's offer while the link is up, else null. */
  readonly welcome: Welcome | null;
  /** Since when it is down; null while up. */
  readonly downSinceMs: number | null;
  /** Since when no link has been of use, and none stands; null while one does. */
  readonly awaySinceMs: number | null;
  readonly roundTrip: ForgettingMean;
  /** The next moment at which drafts leave; null: whenever they like. */
  readonly beatMs: number | null;
  readonly draftPass: DraftPassTimes;
  send(session: Session, frame: DeviceFrame): void;
  out(effect: Effect): void;
}

/** The session on the wire. */
export interface Wire {
  readonly id: number;
  state: SessionState;
}

/** Prompt known, text growing. */
export interface Text {
  readonly promptLength: number;
  readonly log: TokenLog;
  readonly chain: DraftChain;
}

/** Verdict time-outs in a row after which the target counts as away. */
const timeoutsToAway = 2;

export class Session {
  readonly answer: AnswerId;
  readonly request: GenerateRequest;
  readonly settings: CoreSettings;
  readonly link: SessionLink;
  readonly startedMs: number;
  readonly pace: Pace;
  readonly tally = new Tally();
  readonly overtaking = new Overtaking();
  readonly teller: Teller;
  readonly drafting: Drafting;
  /** What is drafted next, and what is held ready for other outcomes. */
  readonly ahead: DraftPlan;
  /** Null until the server has said what the prompt's ids are. */
  text: Text | null = null;
  wire: Wire | null = null;
  resumeKey: Uint8Array | null = null;
  /** Granted by Opened. */
  windowMax = 0;
  advisedDraftLength: number | null = null;
  /** `split`: the law that a residual token is drawn from, and then the token until the server has it. */
  residual: ResidualDraw | null = null;
  lastVerdictMs: number | null = null;
  lastSendMs: number | null = null;
  /** Committed length when the newest draft left; an answer moves beyond it. */
  awaitedFrom: number | null = null;
  timeouts = 0;
  /** Times in a row, without a token between them, that the session had to be opened again. */
  reopenCount = 0;
  /** Not before this time: the server asked for patience. */
  openAtMs = 0;
  isOver = false;

  constructor(
    answer: AnswerId,
    request: GenerateRequest,
    settings: CoreSettings,
    link: SessionLink,
    nowMs: number,
  ) {
    const out = (effect: Effect): void => link.out(effect);
    this.answer = answer;
    this.request = request;
    this.settings = settings;
    this.link = link;
    this.startedMs = nowMs;
    this.pace = new Pace(link.roundTrip, link.draftPass);
    this.teller = new Teller(answer, out);
    this.drafting = new Drafting(answer, out);
    this.ahead = new DraftPlan(this);
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
    const { sampling, seed, schema } = this.request;
    this.link.out({
      kind: 'draft-open',
      answer: this.answer,
      config: { sampling, seed, promptLength, ...(schema !== undefined && { schema }) },
    });
  }

  /** Position behind the last token that the answer may have. */
  get endMax(): number {
    return this.text!.promptLength + this.request.tokensMax;
  }

  /**
   * Why no token may follow the committed ones, or null: the verdict that says so may have been lost with its server, and
   * there is nothing left to open another session for.
   */
  endReason(contextLength: number): EndReason | null {
    if (this.text === null) return null;
    const { log, promptLength } = this.text;
    if (log.length > promptLength && this.settings.endOfText.has(log.at(log.length - 1)))
      return 'end-of-text';
    if (log.length >= this.endMax) return 'length';
    return log.length > promptLength && log.length >= contextLength ? 'context' : null;
  }

  /** Whether the fallback policy has to act. */
  isAway(nowMs: number): boolean {
    if (this.timeouts >= timeoutsToAway) return true;
    const { downSinceMs } = this.link;
    // The same sum as in awayAtMs: rounded otherwise, the timer would come, find nothing and be set again for ever.
    return downSinceMs !== null && nowMs >= downSinceMs + this.settings.patienceMs;
  }

  /** When the target will count as away; null when that is decided. */
  awayAtMs(nowMs: number): number | null {
    const { downSinceMs } = this.link;
    if (downSinceMs === null || this.isAway(nowMs)) return null;
    return downSinceMs + this.settings.patienceMs;
  }

  /** When the answer fails because nobody came back; null while the link is up, or where drafts alone may end it: not yet
   * where the prompt is messages that no server has rendered. */
  lostAtMs(): number | null {
    const { awaySinceMs } = this.link;
    const canDraft = this.text !== null && this.settings.drafter !== null;
    const endsAlone = this.request.fallback === 'draft-only' && canDraft;
    if (awaySinceMs === null || endsAlone || this.settings.awayMaxMs === Infinity) return null;
    return Math.max(awaySinceMs, this.startedMs) + this.settings.awayMaxMs;
  }

  /** Whether drafted tokens are shown although nobody has verified them. */
  showsDrafts(nowMs: number): boolean {
    const { fallback } = this.request;
    return (fallback === 'provisional' || fallback === 'draft-only') && this.isAway(nowMs);
  }

  onDraftEnded(run: number, reasons: readonly DraftEndReason[]): void {
    this.drafting.ended(run, reasons);
  }

  /** Shows what is drafted while the target is away; a draft-only answer may end on it. */
  showDrafts(nowMs: number): void {
    if (this.text === null || !this.showsDrafts(nowMs)) return;
    const { chain } = this.text;
    const from = chain.base + this.teller.aheadCount;
    const tokens = chain.tokens(from, chain.end).map(({ token }) => token);
    if (tokens.length > 0) this.#stampFirst(nowMs);
    this.teller.provisional(from, tokens);
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

  /** Commits what a verdict or a resumption says. @returns what is wrong with it, or null. */
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
    if (this.request.topLogprobs !== undefined && untold >= 0) {
      return `no log-probabilities of the token at ${log.length + untold}`;
    }
    const chainEnd = chain.end;
    const firstVoid = chain.base + matchedCount;
    this.commit(tokens, nowMs);
    this.#countChain(chainEnd, tokens.length, isContradicted);
    this.ahead.learn(chain, firstVoid);
    const fate = chain.advance(log.length, matchedCount, !isContradicted);
    this.tally.keptCount += matchedCount;
    this.tally.aheadUsedCount += fate.usedAheadCount;
    this.tally.wastedCount += fate.wastedCount;
    this.pace.addTests(matchedCount, isContradicted ? 1 : 0);
    const isOvertaken = keptCount === 0 && log.length > chainEnd;
    if (isContradicted || isOvertaken) this.ahead.turn(Math.min(firstVoid, chainEnd), nowMs);
    else if (tokens.length > 0) this.ahead.advance(nowMs);
    return null;
  }

  /** Did the chain reach to the last committed token, and did it stand there? */
  #countChain(chainEnd: number, newCount: number, isContradicted: boolean): void {
    if (newCount === 0) return;
    if (!isContradicted && chainEnd < this.text!.log.length) return;
    this.tally.chainTestedCount++;
    if (!isContradicted) this.tally.chainSurvivedCount++;
  }

  /** Makes tokens final and tells them. */
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
    this.teller.commit(from, tokens);
  }

  #stampFirst(nowMs: number): void {
    this.tally.firstTokenMs ??= nowMs;
  }

  /** Voids the whole chain from a position on, which was told otherwise than by a committed token. */
  dropChain(position: number): void {
    const { chain } = this.text!;
    this.tally.wastedCount += chain.advance(chain.base, 0, false).wastedCount;
    this.drafting.restart(position);
  }

  /** The residual token that was drawn becomes text. */
  commitResidual(nowMs: number): void {
    const { log, chain } = this.text!;
    const { token, logprobs } = this.residual!;
    this.commit([{ token: token!, origin: 'residual', ...(logprobs && { logprobs }) }], nowMs);
    this.tally.wastedCount += chain.advance(log.length, 0, false).wastedCount;
    this.drafting.restart(log.length - 1);
  }

  /** Goes on in a session of the server that knows these epochs; null: a new one. */
  rejoin(serverEpoch: number | null): void {
    if (this.residual !== null) this.residual.isSent = false;
    this.text?.chain.rejoin(serverEpoch);
    this.awaitedFrom = null;
  }

  /** The server's session is gone; it will be opened again with the answer so far. */
  forgetWire(): void {
    if (this.wire !== null && this.wire.state !== 'closed' && this.link.welcome !== null) {
      this.link.send(this, { kind: 'close', session: this.wire.id });
    }
    this.wire = null;
    this.resumeKey = null;
    this.residual = null;
    this.rejoin(null);
  }

  /** Committed tokens that the server is known to have: one less while it lacks the residual token. */
  get sharedLength(): number {
    const { length } = this.text!.log;
    return this.residual === null ? length : Math.min(length, this.residual.position);
  }

  statistics(nowMs: number): Statistics {
    return statisticsOf(this, nowMs);
  }

  finish(reason: EndReason, isVerified: boolean, nowMs: number): void {
    if (isVerified && this.text !== null) this.teller.retract(this.text.log.length);
    this.#countRest();
    const { answer } = this;
    const statistics = this.statistics(nowMs);
    this.#close();
    this.link.out({ kind: 'ended', answer, reason, isVerified, statistics });
  }

  fail(error: PilotfishError, nowMs: number): void {
    this.#countRest();
    const { answer } = this;
    const statistics = this.statistics(nowMs);
    this.#close();
    this.link.out({ kind: 'failed', answer, error, statistics });
  }

  /** What is still drafted will not be verified any more. */
  #countRest(): void {
    this.tally.wastedCount += (this.text?.chain.length ?? 0) + this.ahead.release();
  }

  /** Leaves nothing behind: no run, no slot, no session at the server. */
  #close(): void {
    this.isOver = true;
    this.drafting.stop();
    if (this.text !== null && this.settings.drafter !== null) {
      this.link.out({ kind: 'draft-close', answer: this.answer });
    }
    if (this.wire !== null && this.wire.state !== 'closed' && this.link.welcome !== null) {
      this.link.send(this, { kind: 'close', session: this.wire.id });
    }
  }
}
