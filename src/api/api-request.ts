// Defines a request after all checks, whichever endpoint it came from. Nothing is optional: each
// absent field has the default of docs/api.md.

import type { GenerationRequest, PromptInput } from './generator.js';

type SharedField = 'sampling' | 'stops' | 'tokensMax' | 'topLogprobs' | 'format';

/** The fields that each generation gets unchanged are those of `GenerationRequest`. */
export interface ApiRequest extends Pick<GenerationRequest, SharedField> {
  readonly model: string;
  /** [1..choicesMax]; a chat request has one. */
  readonly prompts: readonly PromptInput[];
  /** Choices for each prompt, >= 1; prompts x choices is at most choicesMax. */
  readonly choiceCount: number;
  /** Of choice 0, in [0, 2^64); choice i has this plus i. Null: each choice draws its own. */
  readonly seed: bigint | null;
  readonly isStream: boolean;
  /** Whether a stream ends with a usage chunk. */
  readonly includesUsage: boolean;
}

/** Most choices of one request: n times the number of prompts. */
export const choicesMax = 16;
/** Most stop strings; OpenAI allows 4. */
export const stopsMax = 16;
