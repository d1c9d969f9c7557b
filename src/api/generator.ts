// What the HTTP door needs of whoever writes text: model cards, token bytes, and answers as streams of deltas. Knows no
// draft beyond the numbers of a result, no device, no server and no engine; adapters live where those are wired.

import type { ChatMessage } from '../base/chat-message.js';
import type { PilotfishError } from '../base/error.js';
import type { KeyGrant } from '../base/key-grant.js';
import type { TokenLogprobs } from '../math/logprobs.js';
import type { SamplingRequest } from '../math/sampling-request.js';

/** A model as `GET /v1/models` shows it. */
export interface ModelCard {
  readonly id: string;
  /** Other names that requests may use; answers carry the id. */
  readonly aliases: readonly string[];
  /** Seconds since 1970 at which it became available here. */
  readonly createdS: number;
  /** Most tokens of prompt and answer together; null while no server was met. */
  readonly contextLength: number | null;
  /** Stands for build and vocabulary: the same seed gives the same text while it stays the same. */
  readonly fingerprint: string;
}

export type PromptInput =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'ids'; readonly ids: Int32Array }
  | { readonly kind: 'messages'; readonly messages: readonly ChatMessage[] };

/** What a text has to be besides likely. */
export type TextFormat =
  | { readonly kind: 'json-object' }
  | { readonly kind: 'json-schema'; readonly schema: unknown };

export interface GenerationRequest extends Required<Omit<SamplingRequest, 'schema'>> {
  readonly prompt: PromptInput;
  /** [at most 16], none empty: the text ends before the first. */
  readonly stops: readonly string[];
  /** >= 1; null: as many as the context holds. */
  readonly tokensMax: number | null;
  readonly format: TextFormat | null;
  /** What the key of the caller grants; null: none is asked for. */
  readonly grant: KeyGrant | null;
  /** Ends the generation at once. */
  readonly signal: AbortSignal;
}

/** What one verified token adds to the text; whole characters only, so it may be empty. */
export interface Delta {
  readonly text: string;
  /** null: text that waited to the end, a character that never became whole or the beginning of a stop string. */
  readonly token: number | null;
  readonly logprobs: TokenLogprobs | null;
}

/** Plain numbers; null where nothing was counted. Times in milliseconds. */
export interface GenerationResult {
  readonly reason: 'stop' | 'length';
  readonly promptCount: number;
  readonly tokenCount: number;
  /** False where an answer ended on tokens that no target has verified. */
  readonly isVerified: boolean;
  readonly draftedCount: number;
  readonly testedCount: number;
  readonly acceptedCount: number;
  /** Verifications in which at least one draft was tested. */
  readonly roundCount: number;
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
}

/** One answer; iterated once, in turns: each gives all that is there. Leaving the loop ends it. */
export interface GenerationStream extends AsyncIterable<readonly Delta[]> {
  /** Tokens of the prompt, once whoever computes has taken it; rejects with what refused it. */
  readonly accepted: Promise<number>;
  /** Resolves at the end; rejects with what ended the answer, as the iteration does. */
  readonly result: Promise<GenerationResult>;
}

/** starting: not yet; away: what computes cannot be reached; draining: no new answers. */
export type Readiness = 'ready' | 'starting' | 'away' | 'draining';

export interface Generator {
  readonly models: readonly ModelCard[];
  readonly readiness: Readiness;

  /**
   * Starts an answer.
   *
   * @throws PilotfishError for a request that cannot be; what goes wrong later rejects the promises.
   */
  generate(request: GenerationRequest): GenerationStream;

  /** Bytes that a token adds to a text; may be part of a character. Null: the vocabulary is not at hand. */
  tokenBytes(token: number): Uint8Array | null;
}

export type GenerationOutcome =
  | { readonly result: GenerationResult }
  | { readonly error: PilotfishError };
