// Defines what the HTTP API needs of a text generator: model cards, token bytes, and answers as
// streams of deltas. Knows no device, server or engine; of drafts only the counts in a result.

import type { ChatMessage } from '../base/chat-message.js';
import type { PilotfishError } from '../base/error.js';
import type { KeyGrant } from '../base/key-grant.js';
import type { TokenLogprobs } from '../math/logprobs.js';
import type { SamplingRequest } from '../math/sampling-request.js';
import type { PromptPicture } from '../pictures/prompt-picture.js';

/** A model as `GET /v1/models` shows it. */
export interface ModelCard {
  readonly id: string;
  /** Other names that requests may use; responses carry the id. */
  readonly aliases: readonly string[];
  /** Seconds since 1970 at which the model became available here. */
  readonly createdS: number;
  /** Most tokens of prompt and answer together; null before the first connection to a server. */
  readonly contextLength: number | null;
  /**
   * Identifies build and vocabulary: while it stays the same, the same seed gives the same text.
   */
  readonly fingerprint: string;
  /** Whether prompts may hold pictures. */
  readonly seesPictures: boolean;
}

export type PromptInput =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'ids'; readonly ids: Int32Array }
  | {
      readonly kind: 'messages';
      readonly messages: readonly ChatMessage[];
      /** In the order of their places; empty for a model that sees none. */
      readonly pictures: readonly PromptPicture[];
    };

/** The JSON that a text has to be. */
export type TextFormat =
  | { readonly kind: 'json-object' }
  | { readonly kind: 'json-schema'; readonly schema: unknown };

export interface GenerationRequest extends Required<Omit<SamplingRequest, 'schema'>> {
  readonly prompt: PromptInput;
  /** [at most 16], none empty: the text ends before the first match. */
  readonly stops: readonly string[];
  /** >= 1; null: up to the end of the context. */
  readonly tokensMax: number | null;
  readonly format: TextFormat | null;
  /** The rights of the caller's key; null: no key is required. */
  readonly grant: KeyGrant | null;
  /** Ends the generation at once. */
  readonly signal: AbortSignal;
}

/** The text that one verified token adds: whole characters only, so it may be empty. */
export interface Delta {
  readonly text: string;
  /** Null: text held back until the end, such as half a character or the start of a stop string. */
  readonly token: number | null;
  readonly logprobs: TokenLogprobs | null;
}

/** Plain numbers; null where nothing was counted. Times are in milliseconds. */
export interface GenerationResult {
  readonly reason: 'stop' | 'length';
  readonly promptCount: number;
  /** Prompt tokens that were in a cache; null where the server does not tell. */
  readonly cachedCount: number | null;
  readonly tokenCount: number;
  /** False where an answer ended on tokens that no target has verified. */
  readonly isVerified: boolean;
  readonly draftedCount: number;
  readonly testedCount: number;
  readonly acceptedCount: number;
  /** The tokens by who proposed each. */
  readonly sources: {
    readonly device: number;
    readonly model: number;
    readonly suffix: number;
    readonly target: number;
  };
  /** Verifications in which at least one draft was tested. */
  readonly roundCount: number;
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
}

/**
 * One answer. Iterate it once: each step gives all deltas that are ready. Leaving the loop ends the
 * generation.
 */
export interface GenerationStream extends AsyncIterable<readonly Delta[]> {
  /**
   * Resolves to the tokens of the prompt once the generator accepts it; rejects with the refusal.
   */
  readonly accepted: Promise<number>;
  /** Resolves at the end; rejects with the error that ended the answer, as the iteration does. */
  readonly result: Promise<GenerationResult>;
}

/** starting: not ready yet; away: the server cannot be reached; draining: no new answers. */
export type Readiness = 'ready' | 'starting' | 'away' | 'draining';

export interface Generator {
  readonly models: readonly ModelCard[];
  readonly readiness: Readiness;

  /**
   * Starts an answer.
   *
   * @throws PilotfishError for an invalid request; later errors reject the promises.
   */
  generate(request: GenerationRequest): GenerationStream;

  /**
   * Bytes that a token adds to a text; may be part of a character. Null: the vocabulary is not
   * loaded.
   */
  tokenBytes(token: number): Uint8Array | null;
}

export type GenerationOutcome =
  | { readonly result: GenerationResult }
  | { readonly error: PilotfishError };
