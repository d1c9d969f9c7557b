// Computes the log-probabilities that callers ask for: those of the model itself, before sampling
// parameters. They tell how likely the model found a token, not how likely it was to be drawn.

import { largestFirst } from './largest-first.js';
import { type Law, tokenAt } from './law.js';
import { argmax, type Logits, weightsOf } from './logits.js';
import { sumOf } from './sum.js';

/** One of the likeliest tokens of a row. */
export interface RankedToken {
  readonly token: number;
  readonly logprob: number;
}

/**
 * Natural logarithms of probabilities under the softmax of the target's logits at temperature 1,
 * before penalties, bias, format and filters. So they are the same in every scheme and mode, and a
 * banned token has one too. Each is rounded to float32 and at least the lowest finite float32.
 */
export interface TokenLogprobs {
  /** Of the token itself, <= 0. */
  readonly logprob: number;
  /** [<= topLogprobs] the likeliest tokens, by falling log-probability, ties by rising id. */
  readonly top: readonly RankedToken[];
}

/** Log-probabilities of every token of a law, for the device that draws from it. */
export interface LawLogprobs {
  /** [entries of the law], in its order. */
  readonly logprobs: Float32Array;
  readonly top: readonly RankedToken[];
}

/** Most alternatives a caller may ask for per token. */
export const topLogprobsMax = 20;

/** Lowest finite float32: JSON has no infinity. */
const logprobMin = -(2 - 2 ** -23) * 2 ** 127;

/**
 * @param logits [vocab] as the model gave them; not changed.
 * @param count in [0, 20]: how many of the likeliest.
 * @throws PilotfishError `engine-failed` when no logit is above -Infinity.
 */
export function tokenLogprobs(logits: Logits, token: number, count: number): TokenLogprobs {
  const logprobOf = logprobsOf(logits);
  return { logprob: logprobOf(token), top: likeliest(logits, count, logprobOf) };
}

/** @param law over the same vocabulary. See `tokenLogprobsField`. */
export function lawLogprobs(logits: Logits, law: Law, count: number): LawLogprobs {
  const logprobOf = logprobsOf(logits);
  const logprobs = Float32Array.from(law.probs, (_, index) => logprobOf(tokenAt(law, index)));
  return { logprobs, top: likeliest(logits, count, logprobOf) };
}

function likeliest(
  logits: Logits,
  count: number,
  logprobOf: (token: number) => number,
): RankedToken[] {
  const ids = largestFirst(logits, count, -Infinity);
  return Array.from(ids, (token) => ({ token, logprob: logprobOf(token) }));
}

/** log softmax of a row, prepared in O(vocab). */
function logprobsOf(logits: Logits): (token: number) => number {
  const max = logits[argmax(logits)]!;
  const logTotal = Math.log(sumOf(weightsOf(logits, 1)));
  return (token) => {
    const logit = logits[token]!;
    // Infinity minus itself is NaN: tokens at +Infinity share all mass evenly.
    const distance = logit === max ? 0 : logit - max;
    const logprob = Math.fround(distance - logTotal);
    return logprob >= logprobMin ? logprob : logprobMin;
  };
}
