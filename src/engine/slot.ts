// Holds one KV sequence of the engine: its token log, and the config that turns its rows into
// tokens. Lengths, histories and checks all derive from the log.

import { assert } from '../base/assert.js';
import { isImageToken } from '../base/image-token.js';
import type { Grammar, GrammarState } from '../grammar/grammar.js';
import { TokenHistory } from '../math/history.js';
import { type NoiseKey, noiseKey } from '../math/noise.js';
import { type Sampling, usesHistory } from '../math/sampling.js';
import type { TokenMask } from '../math/token-mask.js';
import type { SlotConfig } from './engine.js';

/** Keys of the noise streams of one seed. */
export interface SlotKeys {
  readonly race: NoiseKey;
  readonly accept: NoiseKey;
  readonly draft: NoiseKey;
  readonly target: NoiseKey;
}

/**
 * Capacity a log starts with; it doubles when full, so idle slots of a long context cost little.
 */
const initialCapacity = 256;

export class Slot {
  readonly config: SlotConfig;
  readonly keys: SlotKeys;
  /** Counts of the logged tokens; null if no penalty needs them. */
  readonly history: TokenHistory | null;
  readonly grammar: Grammar | null;
  /** Grammar state after each token of the answer, from its start on; only with a grammar. */
  readonly #states: GrammarState[] = [];
  #accepted = 0;
  #tested = 0;
  #log = new Int32Array(initialCapacity);
  #length = 0;

  constructor(config: SlotConfig, grammar: Grammar | null) {
    this.config = config;
    this.grammar = grammar;
    if (grammar !== null) this.#states.push(grammar.start);
    this.keys = {
      race: noiseKey(config.seed, 'race'),
      accept: noiseKey(config.seed, 'accept'),
      draft: noiseKey(config.seed, 'draft'),
      target: noiseKey(config.seed, 'target'),
    };
    this.history = usesHistory(config.sampling) ? new TokenHistory() : null;
  }

  get length(): number {
    return this.#length;
  }

  /** Of the next token, in a text of which the slot may lack images. */
  get position(): number {
    return this.#length + (this.config.absentCount ?? 0);
  }

  get sampling(): Sampling {
    return this.config.sampling;
  }

  /** [length], a view: valid until the next change of the slot. */
  get tokens(): Int32Array {
    return this.#log.subarray(0, this.#length);
  }

  /** Tokens that may come next; null: any. A prompt is not checked. */
  get mask(): TokenMask | null {
    if (this.grammar === null || this.#length < this.config.promptLength) return null;
    return this.grammar.mask(this.#states.at(-1)!);
  }

  /** Acceptance rate of the drafts tested so far, with a prior worth five drafts at 0.6. */
  get draftTrust(): number {
    return (this.#accepted + 3) / (this.#tested + 5);
  }

  /** Counts tested drafts: the accepted ones and, if any of `draftCount` was rejected, that one. */
  countDrafts(acceptedCount: number, draftCount: number): void {
    this.#accepted += acceptedCount;
    this.#tested += Math.min(acceptedCount + 1, draftCount);
  }

  push(tokens: Int32Array): void {
    const needed = this.#length + tokens.length;
    if (needed > this.#log.length) {
      const grown = new Int32Array(Math.max(needed, this.#log.length * 2));
      grown.set(this.tokens);
      this.#log = grown;
    }
    for (const token of tokens) {
      const isAnswer = this.#length >= this.config.promptLength;
      if (!isImageToken(token)) this.history?.push(token, isAnswer);
      if (isAnswer && this.grammar !== null) {
        this.#states.push(this.grammar.advance(this.#states.at(-1)!, token));
      }
      this.#log[this.#length++] = token;
    }
  }

  truncate(length: number): void {
    assert(length >= 0 && length <= this.#length, `length ${length} exceeds ${this.#length}`);
    while (this.#length > length) {
      this.#length--;
      const token = this.#log[this.#length]!;
      const isAnswer = this.#length >= this.config.promptLength;
      if (!isImageToken(token)) this.history?.pop(token, isAnswer);
      if (isAnswer && this.grammar !== null) this.#states.pop();
    }
  }
}
