// One KV sequence as the engine sees it: the tokens its cache holds and how its rows become tokens.
// Holds the token log so that lengths, histories and checks are derived from one place.

import { assert } from '../base/assert.js';
import { TokenHistory } from '../math/history.js';
import { type NoiseKey, noiseKey } from '../math/noise.js';
import { type Sampling, usesHistory } from '../math/sampling.js';
import type { SlotConfig } from './engine.js';

/** Keys of the noise streams of one seed. */
export interface SlotKeys {
  readonly race: NoiseKey;
  readonly accept: NoiseKey;
  readonly draft: NoiseKey;
  readonly target: NoiseKey;
}

/** Capacity a log starts with; it doubles as it fills, so that idle slots of a long context cost little. */
const initialCapacity = 256;

export class Slot {
  readonly config: SlotConfig;
  readonly keys: SlotKeys;
  /** Counts of the logged tokens, kept only while a penalty needs them. */
  readonly history: TokenHistory | null;
  #log = new Int32Array(initialCapacity);
  #length = 0;

  constructor(config: SlotConfig) {
    this.config = config;
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

  get sampling(): Sampling {
    return this.config.sampling;
  }

  /** [length], a view: valid until the next change of the slot. */
  get tokens(): Int32Array {
    return this.#log.subarray(0, this.#length);
  }

  push(tokens: Int32Array): void {
    const needed = this.#length + tokens.length;
    if (needed > this.#log.length) {
      const grown = new Int32Array(Math.max(needed, this.#log.length * 2));
      grown.set(this.tokens);
      this.#log = grown;
    }
    for (const token of tokens) {
      this.history?.push(token, this.#length >= this.config.promptLength);
      this.#log[this.#length++] = token;
    }
  }

  truncate(length: number): void {
    assert(length >= 0 && length <= this.#length, `length ${length} exceeds ${this.#length}`);
    while (this.#length > length) {
      this.#length--;
      const token = this.#log[this.#length]!;
      this.history?.pop(token, this.#length >= this.config.promptLength);
    }
  }
}
