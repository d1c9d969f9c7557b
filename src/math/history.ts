// Counts how often each token has occurred, in prompt and output separately, for the penalties.
// Holds counts, not the text: the owner of the token log pushes appended tokens and pops tokens
// rolled back.

import { assert } from '../base/assert.js';

/** The counts that penalties need. */
export interface TokenCounts {
  /** Distinct tokens of prompt and output, in no promised order. */
  readonly tokens: Iterable<number>;
  /** Occurrences in the output only. */
  outputCount(token: number): number;
}

interface Counts {
  prompt: number;
  output: number;
}

/**
 * How often each token has occurred, in prompt and output separately. The owner of the text pushes
 * tokens it appends and pops tokens it rolls back; no order is kept.
 *
 * @example
 * ```ts
 * import { TokenHistory } from 'pilotfish/math';
 *
 * const history = new TokenHistory();
 * history.push(7, false);
 * history.push(7, true);
 * history.outputCount(7); // = 1
 * history.pop(7, true);
 * history.outputCount(7); // = 0
 * ```
 */
export class TokenHistory implements TokenCounts {
  readonly #counts = new Map<number, Counts>();

  get tokens(): Iterable<number> {
    return this.#counts.keys();
  }

  outputCount(token: number): number {
    return this.#counts.get(token)?.output ?? 0;
  }

  /** Occurrences in the prompt only. */
  promptCount(token: number): number {
    return this.#counts.get(token)?.prompt ?? 0;
  }

  /** Counts a token. @param isOutput false: the token is part of the prompt. */
  push(token: number, isOutput: boolean): void {
    let counts = this.#counts.get(token);
    if (!counts) {
      counts = { prompt: 0, output: 0 };
      this.#counts.set(token, counts);
    }
    counts[isOutput ? 'output' : 'prompt']++;
  }

  /** Undoes one `push` of the same arguments. Order does not matter: only counts are kept. */
  pop(token: number, isOutput: boolean): void {
    const part = isOutput ? 'output' : 'prompt';
    const counts = this.#counts.get(token);
    assert(counts !== undefined && counts[part] > 0, `${part} holds no token ${token} to pop`);
    counts[part]--;
    if (counts.prompt + counts.output === 0) this.#counts.delete(token);
  }
}
