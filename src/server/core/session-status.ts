// Defines the states of a session: what each one carries, and which may follow which. The moves are
// in session-moves.ts.
//
//   state        waits for                                    then
//   waiting      work, or its turn in a pass                  in-pass, ended
//   in-pass      the pass that computes for it                waiting, law-due, cancelling, ended
//   cancelling   that pass, after a Cancel                    ended
//   law-due      the token that its device draws (`split`)    waiting, ended
//   ended        Close, a resumption, or its expiry           forgotten
//
// Every state may become `forgotten`. Invariants, which the types keep as far as types can:
//
// - One pass at most computes for a session. Only `in-pass` and `cancelling` have a segment of it.
// - A pass begins only for a session that waits and has a device. The device may go meanwhile.
// - A law is due only under `split`, after a rejection. No pass begins until its token has come.
// - A cancelled session ends with the pass it is in: what the pass decides is committed first.
// - A verdict is kept back only while the session goes on, for a device that is attached and reads
//   slowly. A law, a cancellation and an end are never kept back.
// - An ended session keeps its log for a resumption, and uses neither the engine nor a slot.

import type { Law } from '../../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../../math/logprobs.js';
import type { EndReason, SourceCounts } from '../../protocol/frame.js';
import type { SessionState as WireState } from '../../protocol/session-state.js';
import type { ServerDrafts } from './drafting/draft-line.js';
import type { ConnectionId } from './event.js';

/** Where the device of a session is reached. */
export interface SessionAddress {
  readonly connection: ConnectionId;
  /** The id that this connection knows the session by. */
  readonly session: number;
}

/** A device follows the session. */
export interface AttachedDevice {
  readonly kind: 'attached';
  readonly address: SessionAddress;
  /** State of the session on this connection, by the table of the protocol. */
  readonly wire: WireState;
}

/** A device that reads slowly: verdicts since the last one sent merge into the next. */
export interface SlowDevice {
  readonly kind: 'slow';
  readonly address: SessionAddress;
  readonly wire: 'open';
  /** Times of the newest merged verdict. */
  readonly times: PassTimes;
}

/** The connection is gone. The session waits for a resumption. */
export interface DetachedDevice {
  readonly kind: 'detached';
  readonly sinceMs: number;
}

export type SessionDevice = AttachedDevice | SlowDevice | DetachedDevice;

/** Where the time of a verdict went. */
export interface PassTimes {
  /** From the arrival of the newest draft to the start of its pass. */
  readonly queueMs: number;
  readonly passMs: number;
}

/** Times of a verdict that no pass has made. */
export const noDeferredTimes: PassTimes = { queueMs: 0, passMs: 0 };

/** A session's part of the pass in flight. */
export interface InFlightSegment {
  /** Position of the first tested draft, which is the committed length. */
  readonly from: number;
  /** Tested drafts of the device. */
  readonly draftCount: number;
  /** Drafts of the server after them. */
  readonly server: ServerDrafts;
  /** Drafts of padding after all tested ones. */
  readonly padCount: number;
  /** Whether rows are judged; otherwise the pass only fills the cache. */
  readonly isJudged: boolean;
  readonly epoch: number;
  /** [draftCount + server + padCount] */
  readonly ids: Int32Array;
  readonly queueMs: number;
  /** Whether the pass before failed with this session in it: this one holds nothing else. */
  readonly isRetry: boolean;
}

/** `split`: the law that the device draws its next token from. */
export interface DueLaw {
  readonly law: Law;
  /** Log-probabilities of its entries, where they were asked for. */
  readonly logprobs: LawLogprobs | null;
}

/** `prefill`: the prompt is computed unasked. `decode`: only rows that are asked for. */
export type SessionPhase = 'prefill' | 'decode';

export type SessionStatus =
  | {
      readonly kind: 'waiting';
      readonly device: SessionDevice;
      readonly phase: SessionPhase;
      /** The last pass failed with this session in it: the next one is its alone. */
      readonly isSuspect: boolean;
    }
  | {
      readonly kind: 'in-pass';
      readonly device: SessionDevice;
      readonly phase: SessionPhase;
      readonly segment: InFlightSegment;
      /** An operation on the slot has failed since the pass began: its result is dropped. */
      readonly isInvalid: boolean;
    }
  | {
      readonly kind: 'cancelling';
      readonly device: AttachedDevice | DetachedDevice;
      readonly segment: InFlightSegment;
      readonly isInvalid: boolean;
    }
  | {
      readonly kind: 'law-due';
      readonly device: AttachedDevice | DetachedDevice;
      readonly due: DueLaw;
    }
  | {
      readonly kind: 'ended';
      readonly device: AttachedDevice | DetachedDevice;
      readonly reason: EndReason;
    }
  | { readonly kind: 'forgotten' };

/** The part of a session that its device lacks. */
export interface SessionProgress {
  readonly epoch: number;
  /** Position of the first token that the device does not hold. */
  readonly from: number;
  readonly tokens: Int32Array;
  /** Drafts that stood and drafts that fell since the last verdict. */
  readonly acceptedCount: number;
  readonly rejectedCount: number;
  readonly end: EndReason | null;
  readonly due: DueLaw | null;
  /** Log-probabilities of the tokens that the last verdict did not tell; null: none are told. */
  readonly logprobs: readonly TokenLogprobs[] | null;
  /** What drafted the tokens that were committed since the last verdict. */
  readonly sources: SourceCounts;
}

export type StatusKind = SessionStatus['kind'];

/** Legal moves between states. A change of what a state carries is none. */
export const statusMoves: { readonly [kind in StatusKind]: readonly StatusKind[] } = {
  waiting: ['in-pass', 'ended', 'forgotten'],
  'in-pass': ['waiting', 'law-due', 'cancelling', 'ended', 'forgotten'],
  cancelling: ['ended', 'forgotten'],
  'law-due': ['waiting', 'ended', 'forgotten'],
  ended: ['forgotten'],
  forgotten: [],
};

/** The states that the protocol allows on the wire beside each state, once an event is handled. */
export const wireStates: { readonly [kind in StatusKind]: readonly WireState[] } = {
  waiting: ['open'],
  'in-pass': ['open'],
  // Resumed in the middle of its last pass, it is open to its new connection until the end is said.
  cancelling: ['cancelling', 'open'],
  'law-due': ['residual-due'],
  ended: ['ended'],
  forgotten: [],
};
