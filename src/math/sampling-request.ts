// Defines the part of a request that every layer hands on unchanged, from an API or a device down
// to the engine: how the tokens of an answer are drawn, and what is told of them.

import type { Sampling } from './sampling.js';

/** How the tokens of an answer are drawn, and what is told of them. */
export interface SamplingRequest {
  readonly sampling: Sampling;
  /** Of all chance in the answer, in [0, 2^64). */
  readonly seed: bigint;
  /** JSON text of the schema that the answer has to satisfy; null or absent: anything. */
  readonly schema?: string | null;
  /**
   * Alternatives with log-probabilities beside those of each token, in [0, 20]; null or absent:
   * none are told.
   */
  readonly topLogprobs?: number | null;
}

/** The same request with nothing absent. Fields of other kinds are left out. */
export function samplingRequestOf({
  sampling,
  seed,
  schema = null,
  topLogprobs = null,
}: SamplingRequest): Required<SamplingRequest> {
  return { sampling, seed, schema, topLogprobs };
}
