// Keeps the log-probabilities of a session's answer as they were when each token was judged, for
// devices that lost a verdict. One list of numbers for all, since an answer has thousands of
// tokens.

import type { LawLogprobs, TokenLogprobs } from '../../math/logprobs.js';

/** For tokens that this server has not judged: they came with the prompt of another's answer. */
const unknown: TokenLogprobs = { logprob: 0, top: [] };

export class LogprobLog {
  /** Likeliest tokens beside each, in [0, 20]. */
  readonly topCount: number;
  readonly #from: number;
  /**
   * For each token its own, then pairs of token and log-probability, -1 for none. Ids below 2^24
   * are exact.
   */
  #values = new Float32Array(0);
  #length: number;

  /**
   * @param from position of the first token of the answer.
   * @param length up to which nothing is known.
   */
  constructor(topCount: number, from: number, length: number) {
    this.topCount = topCount;
    this.#from = from;
    this.#length = from;
    while (this.#length < length) this.push(unknown);
  }

  /** Adds those of the next token. */
  push({ logprob, top }: TokenLogprobs): void {
    const stride = 1 + 2 * this.topCount;
    const at = (this.#length - this.#from) * stride;
    if (at + stride > this.#values.length) {
      const grown = new Float32Array(Math.max(at + stride, this.#values.length * 2));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values.fill(-1, at, at + stride);
    this.#values[at] = logprob;
    top.forEach((one, index) => {
      this.#values[at + 1 + 2 * index] = one.token;
      this.#values[at + 2 + 2 * index] = one.logprob;
    });
    this.#length++;
  }

  /** Of positions [from, to) of the answer, or null where there are none. */
  between(from: number, to: number): readonly TokenLogprobs[] | null {
    if (from >= to) return null;
    return Array.from({ length: to - from }, (_, index) => this.#at(from + index));
  }

  #at(position: number): TokenLogprobs {
    const stride = 1 + 2 * this.topCount;
    const own = (position - this.#from) * stride;
    const top: { token: number; logprob: number }[] = [];
    for (let at = own + 1; at < own + stride && this.#values[at]! >= 0; at += 2) {
      top.push({ token: this.#values[at]!, logprob: this.#values[at + 1]! });
    }
    return { logprob: this.#values[own]!, top };
  }
}

/** Log-probabilities of one token of a law. @param index of the token among its entries. */
export function logprobsOfEntry({ logprobs, top }: LawLogprobs, index: number): TokenLogprobs {
  return { logprob: logprobs[index]!, top };
}
