// Defines a request after all checks, whichever endpoint it came from. Nothing is optional: each
// absent field has the default of docs/api.md.

import type { Sampling } from '../math/sampling.js';
import type { PromptInput, TextFormat } from './generator.js';

export interface ApiRequest {
  readonly model: string;
  /** [1..choicesMax]; a chat request has one. */
  readonly prompts: readonly PromptInput[];
  /** Choices for each prompt, >= 1; prompts x choices is at most choicesMax. */
  readonly choiceCount: number;
  readonly sampling: Sampling;
  /** Of choice 0, in [0, 2^64); choice i has this plus i. Null: each choice draws its own. */
  readonly seed: bigint | null;
  readonly stops: readonly string[];
  /** Null: up to the end of the context. */
  readonly tokensMax: number | null;
  /** Alternatives to report for each token, in [0, 20]; null: no log-probabilities. */
  readonly topLogprobs: number | null;
  readonly format: TextFormat | null;
  readonly isStream: boolean;
  /** Whether a stream ends with a usage chunk. */
  readonly includesUsage: boolean;
}

/** Most choices of one request: n times the number of prompts. */
export const choicesMax = 16;
/** Most stop strings; OpenAI allows 4. */
export const stopsMax = 16;
