// One answer being written: the committed tokens, the drafts in line, and where the session stands with its device and
// with the engine. Changed by the files of this folder only; sends nothing itself.

import type { SlotConfig } from '../../engine/engine.js';
import type { CutLimit } from '../../math/cut-law.js';
import type { Law } from '../../math/law.js';
import type { LawLogprobs } from '../../math/logprobs.js';
import type { EndReason, Mode, Scheme, TrafficShaping } from '../../protocol/frame.js';
import type { SessionState } from '../../protocol/session-state.js';
import type { TokenLog } from '../../protocol/token-log.js';
import { DraftBuffer } from './draft-buffer.js';
import type { ConnectionId } from './event.js';
import { LogprobLog } from './logprob-log.js';
import { DraftTrust } from './tenants/draft-trust.js';
import type { Tenant } from './tenants/tenant.js';

/** What was asked for and granted. */
export interface SessionTerms {
  readonly scheme: Scheme;
  readonly mode: Mode;
  readonly promptLength: number;
  /** The session ends when the log is this long. */
  readonly lengthMax: number;
  /** Whether `lengthMax` is the context's end rather than what the device asked for. */
  readonly endsAtContext: boolean;
  readonly windowMax: number;
  readonly cut: CutLimit | null;
  /** Whether the device has a use for hints, and this server's target an exit to make them. */
  readonly wantsHints: boolean;
  /** What its device asks for, or the server: kept for a resumption. */
  readonly shaping: TrafficShaping;
  /** How many likeliest tokens log-probabilities are told with; null: none are told. */
  readonly topLogprobs: number | null;
  readonly config: SlotConfig;
  /** Of the key that opened it, and alone may resume it. */
  readonly tenant: Tenant;
}

/** Who hears of the session. */
export interface SessionAddress {
  readonly connection: ConnectionId;
  /** The id that this connection knows it by. */
  readonly session: number;
}

/** What a pass in flight computes for a session. */
export interface InFlightSegment {
  /** Position of the first tested draft, which is the committed length; tested drafts, padding not counted. */
  readonly from: number;
  readonly draftCount: number;
  /** Drafts of padding behind the tested ones. */
  readonly padCount: number;
  /** Whether rows are judged; otherwise the cache fills and nothing is said. */
  readonly isJudged: boolean;
  readonly epoch: number;
  readonly ids: Int32Array;
  readonly queueMs: number;
  /** An operation on the slot has failed since: what the pass computes there is worth nothing. */
  isInvalid: boolean;
}

/** Where the time of a verdict went. */
export interface PassTimes {
  /** From the arrival of the newest draft to the start of its pass. */
  readonly queueMs: number;
  readonly passMs: number;
}

/** A cache image that waits for a slot. */
export type CacheImage =
  | { readonly kind: 'none' }
  /** The engine is writing it. */
  | { readonly kind: 'saving'; readonly id: number; readonly length: number }
  | { readonly kind: 'saved'; readonly bytes: Uint8Array; readonly length: number };

/** A device that was gone for longer did not wait for this server. */
const awayMsMax = 1000;
/** Weight of the newest round in the mean. */
const awayStep = 0.25;

export class Session {
  readonly key: number;
  readonly terms: SessionTerms;
  readonly log: TokenLog;
  /** [32] hex digits. */
  readonly resumeKey: string;
  readonly drafts = new DraftBuffer();
  /** How far its drafts deserve rows. */
  readonly trust: DraftTrust;
  state: SessionState = 'open';
  address: SessionAddress | null;
  /** Committed length that the device knows of. */
  announcedLength: number;
  /** An empty draft asks for the token at this position. */
  requestedPosition: number | null = null;
  /** It has not yet had a slot: its prompt is worth computing before anybody asks for a row. */
  isNew = true;
  /** Verdicts and resumptions sent: each may have raised the device's epoch once. */
  answerCount = 0;
  /** `split`: the whole law that the device draws from. */
  pendingLaw: Law | null = null;
  /** Of its entries, where asked for. */
  pendingLogprobs: LawLogprobs | null = null;
  /** Where asked for. */
  readonly logprobs: LogprobLog | null;
  end: EndReason | null = null;
  isCancelled = false;
  /** Times of the newest verdict that waits for a slow reader, to be merged with those that follow. */
  deferredTimes: PassTimes | null = null;
  inInFlight: InFlightSegment | null = null;
  image: CacheImage = { kind: 'none' };
  /** It was in a pass that failed: it goes alone until one succeeds. */
  isSuspect = false;
  /** The last pass it was in failed with nobody else in it, or its slot did. */
  failureCount = 0;
  /** Since when it could have been in a pass. */
  waitingSinceMs: number;
  /** Arrival of the newest draft. */
  draftAtMs: number;
  lastVerdictAtMs: number | null = null;
  /** From a verdict until a pass is wanted again, of late; 0 in race, which always wants one. */
  turnaroundMs = 0;
  detachedAtMs: number | null = null;
  /** Draft length of the last advice; null: none was given. */
  advice: number | null = null;
  testedCount = 0;
  acceptedCount = 0;

  constructor(
    key: number,
    terms: SessionTerms,
    log: TokenLog,
    resumeKey: string,
    address: SessionAddress,
    nowMs: number,
  ) {
    this.key = key;
    this.terms = terms;
    this.log = log;
    this.resumeKey = resumeKey;
    this.address = address;
    this.trust = new DraftTrust(terms.tenant.trust.inherited);
    const { topLogprobs, promptLength } = terms;
    this.logprobs =
      topLogprobs === null ? null : new LogprobLog(topLogprobs, promptLength, log.length);
    this.announcedLength = log.length;
    this.waitingSinceMs = nowMs;
    this.draftAtMs = nowMs;
  }

  /** Tokens that the next verdict may still commit. */
  get room(): number {
    return this.terms.lengthMax - this.log.length;
  }

  /** Drafts that a pass may test: behind them the target adds a token of its own. */
  get testableCount(): number {
    return Math.min(this.drafts.pendingCount(this.log.length), this.room - 1);
  }

  /** Whether the next pass should judge a row of it. */
  get wantsJudging(): boolean {
    if (!this.isRunning) return false;
    const { mode } = this.terms;
    if (mode === 'race' || mode === 'stream') return true;
    const isAsked = this.requestedPosition !== null && this.requestedPosition >= this.log.length;
    return isAsked || this.drafts.pendingCount(this.log.length) > 0;
  }

  /** A pass judges what it has waited for since `waitingSinceMs`. */
  noteTurnaround(): void {
    if (this.lastVerdictAtMs === null) return;
    const awayMs = Math.min(awayMsMax, Math.max(0, this.waitingSinceMs - this.lastVerdictAtMs));
    this.turnaroundMs += awayStep * (awayMs - this.turnaroundMs);
  }

  /** Whether the engine may work for it at all. */
  get isRunning(): boolean {
    return this.state === 'open' && this.end === null && !this.isCancelled && this.address !== null;
  }

  /** Whether there is a device to be told. */
  get isAttached(): boolean {
    return this.address !== null;
  }
}
