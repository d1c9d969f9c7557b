// How long an answer of the HTTP door may get: what the wire carries, whichever generator writes it.

import { limits } from '../../protocol/limits.js';

/** @param topLogprobs as in GenerationRequest. @returns tokens. */
export function answerMax(topLogprobs: number | null): number {
  return topLogprobs === null ? limits.answerTokens.value : limits.logprobTokens.value;
}
