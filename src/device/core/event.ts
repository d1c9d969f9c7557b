// Defines the events that the device core takes and the effects that it returns. Time is passed
// beside each event; sockets, engines and users are behind the effects. Buffers in events then
// belong to the core, those in effects to the receiver.

import type { PilotfishError } from '../../base/error.js';
import type { DraftEndReason, DraftedToken, SlotConfig } from '../../engine/engine.js';
import type { CutLimit } from '../../math/cut-law.js';
import type { TokenLogprobs } from '../../math/logprobs.js';
import type { SamplingRequest } from '../../math/sampling-request.js';
import type { WireFault } from '../../protocol/code.js';
import type {
  DeviceFrame,
  EndReason,
  Mode,
  Prompt,
  Scheme,
  ServerFrame,
} from '../../protocol/frame.js';
import type { StopRule } from './drafting/stop-rule.js';
import type { RequestPicture } from './picture-sending.js';
import type { CoreStatistics, Statistics } from './statistics.js';
import type { AnswerId, AnswerToken } from './token.js';

/** Every Fallback. */
export const fallbacks = ['wait', 'provisional', 'draft-only', 'fail'] as const;
/**
 * What an answer does while the target is away. `wait`: nothing. `provisional`: the draft's tokens
 * are shown as such and verified later. `draft-only`: the same, and the answer may end on them
 * unverified. `fail`: it ends with an error.
 */
export type Fallback = (typeof fallbacks)[number];

export interface GenerateRequest extends SamplingRequest {
  readonly prompt: Prompt;
  /** In the order of their places in messages. Absent: there are none. */
  readonly pictures?: readonly RequestPicture[];
  readonly scheme: Scheme;
  readonly mode: Mode;
  /** Most tokens of the answer, >= 1. */
  readonly tokensMax: number;
  /** Most drafted tokens beyond the committed length, >= 1. */
  readonly windowMax: number;
  /** `split`: where the server cuts the law of a rejection; null sends it whole. */
  readonly cut: CutLimit | null;
  readonly stopRule: StopRule;
  readonly fallback: Fallback;
}

export type DeviceInput =
  /** Begins to dial. The first event, and once only. */
  | { readonly kind: 'start' }
  | { readonly kind: 'link-up' }
  /** @param reason one clause. The core hung the link up, or it never came up, or it was lost. */
  | { readonly kind: 'link-down'; readonly reason: string }
  | { readonly kind: 'frame'; readonly frame: ServerFrame }
  /** A message of the server is not a legal frame. */
  | { readonly kind: 'fault'; readonly fault: WireFault }
  | { readonly kind: 'generate'; readonly answer: AnswerId; readonly request: GenerateRequest }
  | { readonly kind: 'cancel'; readonly answer: AnswerId }
  | {
      readonly kind: 'drafted';
      readonly answer: AnswerId;
      readonly run: number;
      /** [n >= 1] of one pass of the drafter, each of another sequence. */
      readonly tokens: readonly SequenceToken[];
    }
  | {
      readonly kind: 'draft-ended';
      readonly answer: AnswerId;
      readonly run: number;
      /** [sequences] of the run. */
      readonly reasons: readonly DraftEndReason[];
    }
  | { readonly kind: 'drafter-failed'; readonly answer: AnswerId; readonly error: PilotfishError }
  | { readonly kind: 'timer' }
  /** Cancels every answer and closes the link. */
  | { readonly kind: 'close' };

/** A token that a sequence of a run has grown by. */
export interface SequenceToken {
  /** Its place among the sequences of the run. */
  readonly sequenceIndex: number;
  readonly token: DraftedToken;
}

/**
 * A sequence to draft on: the first `from` tokens of the main sequence, then `tokens`. It leaves
 * out images of the prompt; positions of drafted tokens count them (SlotConfig.absentCount).
 */
export interface DraftSequence {
  /** In [0, length of the main sequence]. */
  readonly from: number;
  readonly tokens: Int32Array;
  /** It becomes the main sequence, with what is drafted after it. The first one at most. */
  readonly isMain: boolean;
  /** See DraftStop. */
  readonly confidenceMin: number;
}

/**
 * Asks for a draft of the chain, of a branch, or of several side by side. A sequence is given by
 * the tokens that it does not share with the answer's main sequence, which is empty at first. A
 * drafter should keep what it has computed of branches while it has room.
 */
export interface DraftStart {
  readonly kind: 'draft-start';
  readonly answer: AnswerId;
  /** Names the run in its events. Earlier runs of the answer were stopped or have ended. */
  readonly run: number;
  /** [1 to sequencesMax] Several get a token each, in one pass where there is room. */
  readonly sequences: readonly DraftSequence[];
  /** Of each sequence; 1 where there are several. */
  readonly countMax: number;
  /** See DraftRequest. */
  readonly attempt: number;
  readonly wantConfidence: boolean;
  /** See DraftRequest; 0: none. */
  readonly alternativesMax: number;
  readonly scheme: Scheme;
}

export type DeviceEffect =
  /** @param alternative address that a draining server named; null: the usual one. */
  | { readonly kind: 'dial'; readonly alternative: string | null }
  | { readonly kind: 'hang-up' }
  | SendEffect
  | { readonly kind: 'draft-open'; readonly answer: AnswerId; readonly config: SlotConfig }
  | DraftStart
  | { readonly kind: 'draft-stop'; readonly answer: AnswerId; readonly run: number }
  | { readonly kind: 'draft-close'; readonly answer: AnswerId }
  | AnswerEffect<CoreStatistics>
  /** Replaces every earlier wake; null: none is needed. */
  | { readonly kind: 'wake'; readonly atMs: number | null }
  /** The handshake succeeded (for the first time or again). */
  | {
      readonly kind: 'welcomed';
      readonly modelName: string;
      /** Most tokens of one answer, its prompt included. */
      readonly contextLength: number;
      readonly seesPictures: boolean;
    }
  /** The core will not try again; every answer has failed. */
  | { readonly kind: 'gave-up'; readonly error: PilotfishError };

/** A frame for the server. */
export interface SendEffect {
  readonly kind: 'send';
  readonly frame: DeviceFrame;
  /** The message is filled up to a multiple of so many bytes; 0: it is not. */
  readonly padBytes: number;
  /** The answer for which its bytes count; null: none, or one that is over. */
  readonly answer: AnswerId | null;
}

/** Reports to an answer's user: with the core's statistics, or with a shell's as well. */
export type AnswerEffect<Counted = Statistics> =
  | { readonly kind: 'prompt'; readonly answer: AnswerId; readonly promptLength: number }
  | { readonly kind: 'tokens'; readonly answer: AnswerId; readonly tokens: readonly AnswerToken[] }
  /** Provisional tokens at positions [from, to) are the target's own after all. */
  | {
      readonly kind: 'confirmed';
      readonly answer: AnswerId;
      readonly from: number;
      readonly to: number;
      /** [to - from] where asked for. */
      readonly logprobs?: readonly TokenLogprobs[];
    }
  /** Provisional tokens from this position on are void. */
  | { readonly kind: 'retracted'; readonly answer: AnswerId; readonly from: number }
  | {
      readonly kind: 'ended';
      readonly answer: AnswerId;
      readonly reason: EndReason;
      /** False only for `draft-only`: the last tokens were never verified. */
      readonly isVerified: boolean;
      readonly statistics: Counted;
    }
  | {
      readonly kind: 'failed';
      readonly answer: AnswerId;
      readonly error: PilotfishError;
      readonly statistics: Counted;
    };
