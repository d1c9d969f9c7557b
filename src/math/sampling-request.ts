// Defines the part of a request that all layers pass on unchanged, from an API or a device down to
// the engine: how the tokens of an answer are drawn, and their log-probabilities.

import type { Sampling } from './sampling.js';

/** How the tokens of an answer are drawn, and which log-probabilities are reported. */
export interface SamplingRequest {
  readonly sampling: Sampling;
  /** Seed of all noise in the answer, in [0, 2^64). */
  readonly seed: bigint;
  /** JSON text of the schema that the answer must satisfy; null or absent: none. */
  readonly schema?: string | null;
  /**
   * Likeliest tokens reported with the log-probability of each token, in [0, 20]; null or absent:
   * no log-probabilities.
   */
  readonly topLogprobs?: number | null;
}

/** The same request with every field set. Drops all other fields. */
export function samplingRequestOf({
  sampling,
  seed,
  schema = null,
  topLogprobs = null,
}: SamplingRequest): Required<SamplingRequest> {
  return { sampling, seed, schema, topLogprobs };
}
