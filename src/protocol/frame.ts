// Defines the messages of the wire as plain values, one union for each direction. Bytes: codec.ts;
// order: session-state.ts; the whole protocol: PROTOCOL.md. Numbers are whole and in [0, 2^32)
// unless stated otherwise. Positions are absolute: the prompt counts. The receiver of a frame owns
// its arrays.

import type { ChatMessage } from '../base/chat-message.js';
import type { CutLaw, CutLimit } from '../math/cut-law.js';
import type { Law } from '../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../math/logprobs.js';
import type { SamplingRequest } from '../math/sampling-request.js';
import { type Scheme, schemes } from '../math/scheme.js';
import type { WireCode } from './code.js';
import { isOffered, type Mode, modes, modeTraits } from './mode.js';
import type { ImageSpan, PicturePart, PictureRef, PicturesWanted } from './picture-frames.js';
import type { TrafficShaping } from './traffic-shaping.js';

export type {
  ImageSpan,
  PicturePart,
  PictureRef,
  PicturesWanted,
  PictureWant,
} from './picture-frames.js';
export { noShaping, strongerShaping, type TrafficShaping } from './traffic-shaping.js';
export { isOffered, type Mode, modes, modeTraits, type Scheme, schemes };

/** Why a session ended. */
export const endReasons = ['end-of-text', 'length', 'context', 'cancelled'] as const;
/** One of `endReasons`. */
export type EndReason = (typeof endReasons)[number];

/** First frame of a connection. */
export interface Hello {
  readonly kind: 'hello';
  /** Protocol versions that the device speaks, both included. */
  readonly versionMin: number;
  readonly versionMax: number;
  /** For logs; may be empty. */
  readonly name: string;
  /** Secret that identifies the device; empty if the server needs none. */
  readonly key: string;
  /** Of the draft model's vocabulary; empty: the device has none and does not check ids. */
  readonly fingerprint: string;
  readonly vocabSize: number;
  /** [ceil(vocabSize / 256)] see vocabulary-blocks.ts; empty if no difference has to be located. */
  readonly blockHashes: Uint32Array;
}

/** The text that an answer continues: ids, plain text, or a chat. */
export type Prompt =
  | { readonly kind: 'ids'; readonly ids: Int32Array }
  /** Plain text: the server puts the start token before it and reads no special tokens in it. */
  | { readonly kind: 'text'; readonly text: string }
  /** A chat; the server renders its model's template. */
  | { readonly kind: 'messages'; readonly messages: readonly ChatMessage[] };

/** Asks for an answer. */
export interface Open extends TrafficShaping, Required<SamplingRequest> {
  readonly kind: 'open';
  /**
   * Chosen by the device, above every earlier id of the connection. 0 is allowed and costs no
   * bytes.
   */
  readonly session: number;
  readonly prompt: Prompt;
  /**
   * Tokens of the answer that were committed elsewhere (failover); empty unless the prompt is ids,
   * or messages with pictures.
   */
  readonly answer: Int32Array;
  readonly scheme: Scheme;
  readonly mode: Mode;
  /** Most tokens of the answer, `answer` included, >= 1. */
  readonly tokensMax: number;
  /**
   * Most drafted tokens beyond the committed length that the device wants outstanding, >= 1. Opened
   * may lower it.
   */
  readonly windowMax: number;
  /** `split`: how the server cuts the law after a rejection; null sends it whole. */
  readonly cut: CutLimit | null;
  /** From version 2. Whether the device wants hints of an early exit. */
  readonly wantsHints: boolean;
  /** From version 5. In the order of their places; empty unless the prompt is messages. */
  readonly pictures: readonly PictureRef[];
  /** From version 5. The bytes of all of them follow at once, in order. */
  readonly picturesFollow: boolean;
}

/** Drafted tokens of a chain, from a position on. Sending it again changes nothing. */
export interface Draft {
  readonly kind: 'draft';
  readonly session: number;
  readonly epoch: number;
  /** Position of ids[0]. */
  readonly from: number;
  /** [n >= 0]; an empty list asks for the next token alone. */
  readonly ids: Int32Array;
  /** `split`: [n] the draft law's probability of each id, in (0, 1], unrounded; null otherwise. */
  readonly probs: Float64Array | null;
  /** `full`: [n] the law that each id was drawn from; null otherwise. */
  readonly laws: readonly Law[] | null;
  /**
   * `split`: the token drawn at position from - 1 from the law of the last verdict; null otherwise.
   */
  readonly residual: number | null;
  /**
   * `split` and `full`: more of this chain follows, so draw no bonus token if all of these are
   * accepted.
   */
  readonly more: boolean;
  /**
   * From version 4: [n] the device's estimate of the chance that each token stands if those before
   * it do, in 1/255; null: not known.
   */
  readonly chances: Uint8Array | null;
}

/** `split`: the cut law did not suffice; send the whole law of the last verdict. */
export interface TailRequest {
  readonly kind: 'tail-request';
  readonly session: number;
  /** Position of the law: the committed length. */
  readonly position: number;
}

/** Moves a session of a lost connection to this one. */
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

/** Ends the answer. The server replies with a last verdict. */
export interface Cancel {
  readonly kind: 'cancel';
  readonly session: number;
}

/** The device is done with the session, in any state. The server deletes it with its resume key. */
export interface Close {
  readonly kind: 'close';
  readonly session: number;
}

/** Keeps the connection alive and measures the round trip. */
export interface Ping {
  readonly kind: 'ping';
  /** Returned in Pong. */
  readonly nonce: number;
  /** From version 3. Cover traffic: the peer does not answer. */
  readonly isCover: boolean;
}

/** Answers Hello. The shaping, from version 3, is the server's demand on every session. */
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
  /** Expected microseconds of a pass now; 0: not known yet. */
  readonly passUs: number;
  /** From version 5. Prompts may hold pictures. */
  readonly seesPictures: boolean;
}

/** The limits of this server, each at most the protocol's own limit. */
export interface OfferedLimits {
  readonly frameBytes: number;
  readonly sessions: number;
  readonly promptTokens: number;
  readonly draftTokens: number;
  readonly windowTokens: number;
  /** How long a session outlives its connection, in milliseconds. */
  readonly resumeMs: number;
  /**
   * Milliseconds without a frame after which the server ends the connection; Ping prevents it. 0:
   * never.
   */
  readonly silenceMs: number;
}

/** Answers Open. */
export interface Opened {
  readonly kind: 'opened';
  readonly session: number;
  /** [16]; secret. */
  readonly resumeKey: Uint8Array;
  /** Tokens of the prompt; `answer` of Open is not counted. */
  readonly promptLength: number;
  /** [promptLength] when the device sent text or messages, else empty. 0 where images stand. */
  readonly promptIds: Int32Array;
  /** The granted window, at most the requested one. */
  readonly windowMax: number;
  /** From version 5. In rising order, apart from each other. */
  readonly images: readonly ImageSpan[];
}

/**
 * Commits tokens. The new committed length is from + tokens.length; tokens below `from` the device
 * already holds, as committed or as its own draft of `epoch`.
 */
export interface Verdict {
  readonly kind: 'verdict';
  readonly session: number;
  /** The newest epoch whose drafts the server had when it computed this. */
  readonly epoch: number;
  readonly from: number;
  /** [n >= 0] committed tokens from position `from` on. */
  readonly tokens: Int32Array;
  /** Drafts accepted and drafts rejected since the previous verdict. Tested is their sum. */
  readonly acceptedCount: number;
  readonly rejectedCount: number;
  /**
   * Wait of the newest draft before its pass, and duration of the pass; both 0 if no draft was
   * tested.
   */
  readonly queueUs: number;
  readonly verifyUs: number;
  /** Advised draft length from now on, in [0, 256]; null: as before. */
  readonly advisedDraftLength: number | null;
  /** In the last verdict of the session, the reason of the end; else null. */
  readonly end: EndReason | null;
  /**
   * `split`, after a rejection: the law at position from + tokens.length; the device draws from it.
   */
  readonly law: SentLaw | null;
  /**
   * If requested: [n] of the last n tokens below the new committed length, not yet reported by a
   * verdict; else null.
   */
  readonly logprobs: readonly TokenLogprobs[] | null;
  /** If requested and `law` is not null: of the entries of the law; else null. */
  readonly lawLogprobs: LawLogprobs | null;
  /** Modes auto and co-located: where the tokens since the last verdict came from; else null. */
  readonly sources: SourceCounts | null;
}

/**
 * Committed tokens by the draft that a pass took each from. The target's own, corrections and bonus
 * tokens among them, are the rest.
 */
export interface SourceCounts {
  /** From drafts of the device. */
  readonly deviceCount: number;
  /** From drafts of the server's draft model. */
  readonly modelCount: number;
  /** From drafts that the server looked up in the text. */
  readonly suffixCount: number;
}

/** A target law sent to the device: whole, or cut to its likeliest tokens. */
export type SentLaw =
  | { readonly kind: 'whole'; readonly law: Law }
  | { readonly kind: 'cut'; readonly cut: CutLaw };

/**
 * A guess from an early exit, sent before the verdict to a device that asked for hints. Never
 * reaches the text.
 */
export interface Hint {
  readonly kind: 'hint';
  readonly session: number;
  readonly epoch: number;
  readonly position: number;
  /**
   * [n >= 1] likely tokens at `position`, best first, and [n] the exit's confidence in each, in [0,
   * 1].
   */
  readonly candidates: Int32Array;
  readonly confidences: Float32Array;
}

/**
 * Answers Resume: the tokens that the device lacks. If the last verdict carried an end, or a law
 * whose residual token is still due, that verdict is sent again.
 */
export interface Resumed {
  readonly kind: 'resumed';
  readonly session: number;
  /** The newest epoch that the server has seen; the device continues with a higher one. */
  readonly epoch: number;
  /** The device's committed length, repeated. */
  readonly from: number;
  readonly tokens: Int32Array;
  /** If requested: [tokens]; null if not, or if there are no tokens. */
  readonly logprobs: readonly TokenLogprobs[] | null;
}

/** Answers TailRequest. */
export interface Tail {
  readonly kind: 'tail';
  readonly session: number;
  readonly position: number;
  readonly law: Law;
  /** If requested: of the entries of the law; else null. */
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

/** Texts of at most 256 neighbouring tokens. */
export interface VocabularyBlock {
  /** Of the whole vocabulary. */
  readonly vocabSize: number;
  /** Id of texts[0]. */
  readonly from: number;
  /** [n <= 256], each cut to 128 bytes. */
  readonly texts: readonly string[];
}

/** The server will shut down: no new sessions; running ones may finish or resume elsewhere. */
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

/** A frame of a device. */
export type DeviceFrame =
  | Hello
  | Open
  | PicturePart
  | Draft
  | TailRequest
  | Resume
  | Cancel
  | Close
  | Ping;

/** A frame of a server. */
export type ServerFrame =
  | Welcome
  | Opened
  | PicturesWanted
  | Verdict
  | Hint
  | Resumed
  | Tail
  | Failure
  | Drain
  | Pong;

/** Any frame. */
export type Frame = DeviceFrame | ServerFrame;
export type FrameKind = Frame['kind'];

/** Drafts that a verdict tested: the denominator of the acceptance rate. */
export function testedCountOf(verdict: Verdict): number {
  return verdict.acceptedCount + verdict.rejectedCount;
}

/** The session a frame belongs to, or null for a frame of the connection. */
export function sessionOf(frame: Frame): number | null {
  return 'session' in frame ? frame.session : null;
}

/** Of an Open whose prompt has none. */
export const noPictures: Pick<Open, 'pictures' | 'picturesFollow'> = {
  pictures: [],
  picturesFollow: false,
};
