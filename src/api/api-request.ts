// A request after every check, whichever endpoint it came in by. Nothing in it is optional: absent fields have become
// what docs/api.md says they mean.

import type { GenerationRequest, PromptInput } from './generator.js';

type Handed = 'sampling' | 'stops' | 'tokensMax' | 'topLogprobs' | 'format';

/** The fields that generations get as they are stand in `GenerationRequest`. */
export interface ApiRequest extends Pick<GenerationRequest, Handed> {
  readonly model: string;
  /** [1..choicesMax]; chat has one. */
  readonly prompts: readonly PromptInput[];
  /** Choices for each prompt, >= 1; prompts x choices is at most choicesMax. */
  readonly choiceCount: number;
  /** Of choice 0, in [0, 2^64); choice i has this plus i. Null: each is drawn. */
  readonly seed: bigint | null;
  readonly isStream: boolean;
  /** A stream ends with a chunk of usage. */
  readonly includesUsage: boolean;
}

/** Most answers of one request: n times the prompts. */
export const choicesMax = 16;
/** Most stop strings; OpenAI allows 4. */
export const stopsMax = 16;
