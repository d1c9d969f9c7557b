// Log-probabilities as callers are told them: the model's own, before everything that makes a law of them. They answer
// "how likely did the model find this", not "how likely was this to be drawn".

/**
 * Natural logarithms of probabilities under the softmax of the target's logits at temperature 1, before penalties, bias,
 * format and filters; so they are the same in every scheme and mode, and a banned token has one as well. Each is rounded
 * to float32.
 */
export interface TokenLogprobs {
  /** Of the token itself, <= 0. */
  readonly logprob: number;
  /** [<= topLogprobs] the likeliest tokens, by falling log-probability, ties by rising id. */
  readonly top: readonly { readonly token: number; readonly logprob: number }[];
}

/** Most alternatives that may be asked for beside a token. */
export const topLogprobsMax = 20;
