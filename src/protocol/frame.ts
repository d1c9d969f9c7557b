// The messages of the wire as plain values, one union for each direction. Bytes: codec.ts; order: session-state.ts; the
// story: PROTOCOL.md. Numbers are whole, positions absolute (the prompt counts), and all of them in [0, 2^32) unless
// told otherwise. Who receives a frame owns its arrays.

import type { ChatMessage } from '../base/chat-message.js';
import type { CutLaw, CutLimit } from '../math/cut-law.js';
import type { Law } from '../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../math/logprobs.js';
import type { SamplingRequest } from '../math/sampling-request.js';
import { type Scheme, schemes } from '../math/scheme.js';
import type { WireCode } from './code.js';

export { type Scheme, schemes };

/**
 * When the server computes. race: verifies drafts that are there, else steps alone (greedy and coupled only).
 * pipeline: verifies drafts as they arrive, many outstanding. stop-and-wait: the device waits for each verdict.
 * stream: no drafts, the server writes alone.
 */
export const modes = ['race', 'pipeline', 'stop-and-wait', 'stream'] as const;
/** One of `modes`: `race`, `pipeline`, `stop-and-wait` or `stream`. */
export type Mode = (typeof modes)[number];

/** Why a session has no more tokens. */
export const endReasons = ['end-of-text', 'length', 'context', 'cancelled'] as const;
/** One of `endReasons`. */
export type EndReason = (typeof endReasons)[number];

/**
 * Whether a scheme may run in a mode: in race the token at a position must not depend on which end
 * computed it.
 *
 * @example
 * ```ts
 * import { isOffered } from 'pilotfish/protocol';
 *
 * isOffered('coupled', 'race'); // = true
 * isOffered('split', 'race'); // = false
 * ```
 */
export function isOffered(scheme: Scheme, mode: Mode): boolean {
  return mode !== 'race' || scheme === 'greedy' || scheme === 'coupled';
}

/**
 * What is done against whoever sees lengths and times of messages: both ends do what any session of a connection asks
 * for, or the server. 0: nothing.
 */
export interface TrafficShaping {
  /** Messages are this long, or twice as long, and so on: a power of two in [32, 4096], or 0. */
  readonly padBytes: number;
  /** Frames of sessions leave only every so many milliseconds, something each time: in [10, 2000], or 0. */
  readonly aggregateMs: number;
}

/** First frame of a connection. */
export interface Hello {
  readonly kind: 'hello';
  /** Protocol versions that the device speaks, both included. */
  readonly versionMin: number;
  readonly versionMax: number;
  /** For logs; may be empty. */
  readonly name: string;
  /** Secret that names the device; empty where the server asks for none. */
  readonly key: string;
  /** Of the draft model's vocabulary; empty: the device has none and takes ids on trust. */
  readonly fingerprint: string;
  readonly vocabSize: number;
  /** [ceil(vocabSize / 256)] as vocabulary-blocks.ts; empty where no difference need be located. */
  readonly blockHashes: Uint32Array;
}

/** What an answer continues: ids, plain text, or a chat. */
export type Prompt =
  | { readonly kind: 'ids'; readonly ids: Int32Array }
  /** Plain text: the server puts the start token before it and reads no special tokens in it. */
  | { readonly kind: 'text'; readonly text: string }
  /** A chat; the server renders its model's template. */
  | { readonly kind: 'messages'; readonly messages: readonly ChatMessage[] };

/** Asks for an answer. */
export interface Open extends TrafficShaping, Required<SamplingRequest> {
  readonly kind: 'open';
  /** Chosen by the device, above every earlier one of the connection. The first may be 0, which costs no bytes. */
  readonly session: number;
  readonly prompt: Prompt;
  /** Tokens of the answer that were committed elsewhere (failover); empty unless the prompt is ids. */
  readonly answer: Int32Array;
  readonly scheme: Scheme;
  readonly mode: Mode;
  /** Most tokens of the answer, `answer` included, >= 1. */
  readonly tokensMax: number;
  /** Most drafted tokens beyond the committed length that the device wants to have out, >= 1; Opened may lower it. */
  readonly windowMax: number;
  /** `split`: where the server cuts the law of a rejection; null sends it whole. */
  readonly cut: CutLimit | null;
  /** From version 2. Whether hints of an early exit are welcome. */
  readonly wantsHints: boolean;
}

/** Drafted tokens of a chain, from a position on. Sending it again changes nothing. */
export interface Draft {
  readonly kind: 'draft';
  readonly session: number;
  readonly epoch: number;
  /** Position of ids[0]. */
  readonly from: number;
  /** [n >= 0]; none asks for the next token alone. */
  readonly ids: Int32Array;
  /** `split`: [n] the draft law's probability of each id, in (0, 1], unrounded; null otherwise. */
  readonly probs: Float64Array | null;
  /** `full`: [n] the law that each id was drawn from; null otherwise. */
  readonly laws: readonly Law[] | null;
  /** `split`: the token drawn at position from - 1 from the law that the last verdict brought; null otherwise. */
  readonly residual: number | null;
  /** `split` and `full`: more of this chain is on the way, so draw no bonus token if all of these stand. */
  readonly more: boolean;
}

/** `split`: the cut law did not suffice; send the whole law of the last verdict. */
export interface TailRequest {
  readonly kind: 'tail-request';
  readonly session: number;
  /** Position of the law: the committed length. */
  readonly position: number;
}

/** Takes a session of a lost connection over into this one. */
export interface Resume {
  readonly kind: 'resume';
  /** A new id, by the rule of Open. */
  readonly session: number;
  /** [16] from Opened. */
  readonly resumeKey: Uint8Array;
  /** How many committed tokens the device holds, the prompt included, and their tokenLogHash. */
  readonly committedLength: number;
  readonly logHash: bigint;
}

/** Ends the answer; the server says with a last verdict where. */
export interface Cancel {
  readonly kind: 'cancel';
  readonly session: number;
}

/** The device is done with the session, whatever its state; the server forgets it, its resume key included. */
export interface Close {
  readonly kind: 'close';
  readonly session: number;
}

/** Keeps the connection, and measures the round trip. */
export interface Ping {
  readonly kind: 'ping';
  /** Comes back in Pong. */
  readonly nonce: number;
  /** From version 3. Sent that there be something to send: nothing comes back. */
  readonly isCover: boolean;
}

/** Answers Hello. The cover, from version 3, is what the server wants of every session. */
export interface Welcome extends TrafficShaping {
  readonly kind: 'welcome';
  /** The version of everything that follows. */
  readonly version: number;
  readonly modelName: string;
  readonly fingerprint: string;
  /** [1, 524288] */
  readonly vocabSize: number;
  readonly schemes: readonly Scheme[];
  readonly modes: readonly Mode[];
  /** Most tokens of one session, prompt included. */
  readonly contextLength: number;
  readonly limits: OfferedLimits;
  /** Microseconds of a pass as the server expects it now; 0: not known yet. */
  readonly passUs: number;
}

/** What this server takes; each at most the protocol's own limit. */
export interface OfferedLimits {
  readonly frameBytes: number;
  readonly sessions: number;
  readonly promptTokens: number;
  readonly draftTokens: number;
  readonly windowTokens: number;
  /** How long a session outlives its connection, in milliseconds. */
  readonly resumeMs: number;
  /** After this long without a frame the server ends the connection, in milliseconds; Ping keeps it. 0: never. */
  readonly silenceMs: number;
}

/** Answers Open. */
export interface Opened {
  readonly kind: 'opened';
  readonly session: number;
  /** [16], secret. */
  readonly resumeKey: Uint8Array;
  /** Tokens of the prompt; `answer` of Open is not counted. */
  readonly promptLength: number;
  /** [promptLength] when the device sent text or messages, else empty. */
  readonly promptIds: Int32Array;
  /** Granted, at most what was asked for. */
  readonly windowMax: number;
}

/**
 * Commits tokens. The new committed length is from + tokens.length; what lies below `from` the device holds as committed
 * or as its own draft of `epoch`.
 */
export interface Verdict {
  readonly kind: 'verdict';
  readonly session: number;
  /** The newest epoch whose drafts the server had when it computed this. */
  readonly epoch: number;
  readonly from: number;
  /** [n >= 0] committed tokens from position `from` on. */
  readonly tokens: Int32Array;
  /** Drafts that stand, and drafts that were tested and fell, since the verdict before. Tested is their sum. */
  readonly acceptedCount: number;
  readonly rejectedCount: number;
  /** From the arrival of the newest draft to the start of its pass, and of the pass; 0 and 0 where none was tested. */
  readonly queueUs: number;
  readonly verifyUs: number;
  /** Tokens a draft should have from now on, in [0, 256]; null: as before. */
  readonly advisedDraftLength: number | null;
  /** The last verdict of the session says why. */
  readonly end: EndReason | null;
  /** `split`, after a rejection: the law at position from + tokens.length, from which the device draws. */
  readonly law: SentLaw | null;
  /** Asked for: [n] of the last n tokens below the new committed length, which no verdict has told them of; else null. */
  readonly logprobs: readonly TokenLogprobs[] | null;
  /** Asked for, and beside a law: of its entries; else null. */
  readonly lawLogprobs: LawLogprobs | null;
}

/** A target law that goes down: whole, or cut to its likeliest tokens. */
export type SentLaw =
  | { readonly kind: 'whole'; readonly law: Law }
  | { readonly kind: 'cut'; readonly cut: CutLaw };

/** A guess from an early exit, sent before the verdict to a device that wants it. Never reaches the text. */
export interface Hint {
  readonly kind: 'hint';
  readonly session: number;
  readonly epoch: number;
  readonly position: number;
  /** [n >= 1] likely tokens at `position`, best first, and [n] how sure the exit is, in [0, 1]. */
  readonly candidates: Int32Array;
  readonly confidences: Float32Array;
}

/**
 * Answers Resume: the tokens that the device lacks. If the last verdict brought a law that still waits for its residual
 * token, or an end, that verdict follows once more.
 */
export interface Resumed {
  readonly kind: 'resumed';
  readonly session: number;
  /** The newest epoch that the server has seen; the device goes on with a higher one. */
  readonly epoch: number;
  /** The device's committed length, repeated. */
  readonly from: number;
  readonly tokens: Int32Array;
  /** Asked for: [tokens]; null where not, and where there are none. */
  readonly logprobs: readonly TokenLogprobs[] | null;
}

/** Answers TailRequest. */
export interface Tail {
  readonly kind: 'tail';
  readonly session: number;
  readonly position: number;
  readonly law: Law;
  /** Asked for: of its entries; else null. */
  readonly lawLogprobs: LawLogprobs | null;
}

/** Ends a session, or the connection. */
export interface Failure {
  readonly kind: 'failure';
  readonly code: WireCode;
  /** null: the connection ends. */
  readonly session: number | null;
  /** One sentence with value and bound; never a secret. */
  readonly message: string;
  /** 0: no advice. */
  readonly retryAfterMs: number;
  /** `vocabulary-mismatch`: the server's side of the first differing block. */
  readonly block: VocabularyBlock | null;
}

/** Texts of 256 neighbouring tokens at most. */
export interface VocabularyBlock {
  /** Of the whole vocabulary. */
  readonly vocabSize: number;
  /** Id of texts[0]. */
  readonly from: number;
  /** [n <= 256], each cut to 128 bytes. */
  readonly texts: readonly string[];
}

/** The server is about to go: no new sessions; running ones may finish or resume elsewhere. */
export interface Drain {
  readonly kind: 'drain';
  readonly retryAfterMs: number;
  /** Addresses of servers with the same model. */
  readonly alternatives: readonly string[];
}

/** Answers Ping. */
export interface Pong {
  readonly kind: 'pong';
  readonly nonce: number;
}

/** What a device sends. */
export type DeviceFrame = Hello | Open | Draft | TailRequest | Resume | Cancel | Close | Ping;

/** What a server sends. */
export type ServerFrame =
  | Welcome
  | Opened
  | Verdict
  | Hint
  | Resumed
  | Tail
  | Failure
  | Drain
  | Pong;

/** Any message of the wire. */
export type Frame = DeviceFrame | ServerFrame;
export type FrameKind = Frame['kind'];

/** What either asks for. */
export function strongerShaping(one: TrafficShaping, other: TrafficShaping): TrafficShaping {
  return {
    padBytes: Math.max(one.padBytes, other.padBytes),
    aggregateMs: Math.max(one.aggregateMs, other.aggregateMs),
  };
}

export const noShaping: TrafficShaping = { padBytes: 0, aggregateMs: 0 };

/** Drafts that a verdict tested: the denominator of the acceptance rate. */
export function testedCountOf(verdict: Verdict): number {
  return verdict.acceptedCount + verdict.rejectedCount;
}

/** The session a frame belongs to, or null for a frame of the connection. */
export function sessionOf(frame: Frame): number | null {
  return 'session' in frame ? frame.session : null;
}
