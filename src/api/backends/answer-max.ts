// Gives the longest answer of the HTTP API in tokens: the wire limit, whichever generator writes
// it.

import { limits } from '../../protocol/limits.js';

/** @param topLogprobs as in GenerationRequest. @returns tokens. */
export function answerMax(topLogprobs: number | null): number {
  return topLogprobs === null ? limits.answerTokens.value : limits.logprobTokens.value;
}
