// Makes a scripted model with a large vocabulary: a few likely tokens and a long tail (Zipf), a
// function of the prefix alone. For what depends on the vocabulary's size, such as bytes.

import { assert } from '../../src/base/assert.js';
import type { Engine } from '../../src/engine/engine.js';
import { EngineCore } from '../../src/engine/engine-core.js';
import { createKernel } from '../../src/engine/kernel/kernel.js';
import type { Part, RowModel } from '../../src/engine/row-model.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';

/** The probability of the r-th likeliest token falls with r to this power, at temperature 1. */
const zipf = 1.3;
const contextLength = 512;

/** 32-bit mixer with full avalanche (constants of the lowbias32 search by C. Wellons). */
function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Two turns behind each other, so that a turn from anywhere lies in one piece. */
function twice(size: number, at: (token: number) => number): Float32Array {
  const values = new Float32Array(2 * size);
  for (let token = 0; token < size; token++) {
    values[token] = at(token);
    values[token + size] = values[token]!;
  }
  return values;
}

class SpikyModel implements RowModel {
  readonly vocabSize: number;
  readonly slotCount = 1;
  readonly contextLength = contextLength;
  readonly passTokensMax = 64;
  readonly passRowsMax = 64;
  readonly exit = null;
  /** [2 * vocab] the law's logits, and noise that sets a draft apart; every row is a turn. */
  readonly #base: Float32Array;
  readonly #noise: Float32Array;
  /** Hash of the prefix up to each position. */
  readonly #cache: number[] = [];
  #wanted: number[] = [];

  constructor(vocabSize: number, divergence: number) {
    this.vocabSize = vocabSize;
    const chance = (token: number, salt: number): number =>
      (mix(salt ^ Math.imul(token, 0x9e3779b9)) + 1) / 2 ** 32;
    this.#base = twice(vocabSize, (token) => -zipf * Math.log(chance(token, 0x5a1fd)));
    this.#noise = twice(vocabSize, (token) => divergence * (2 * chance(token, 0x0d1f7) - 1));
  }

  feed(parts: readonly Part[]): void {
    this.#wanted = [];
    for (const { from, tokens, rowCount } of parts) {
      assert(this.#cache.length === from, `the slot does not end at ${from}`);
      tokens.forEach((token, index) => {
        this.#cache.push(mix((this.#cache.at(-1) ?? 0x5eed) ^ Math.imul(token + 1, 0x01000193)));
        if (index >= tokens.length - rowCount) this.#wanted.push(this.#cache.at(-1)!);
      });
    }
  }

  /** Made when it is read: rows behind a rejection are not. Each model turns its noise. */
  row(index: number): Float32Array {
    const prefix = this.#wanted[index]!;
    const [size, from] = [this.vocabSize, prefix % this.vocabSize];
    const noise = this.#noise.subarray(mix(prefix ^ 0x0d1f7) % size);
    const logits = this.#base.slice(from, from + size);
    for (let token = 0; token < size; token++) logits[token]! += noise[token]!;
    return logits;
  }

  truncate(_: number, length: number): void {
    this.#cache.length = Math.min(this.#cache.length, length);
  }

  copyPrefix(): void {
    assert(false, 'there is one slot');
  }

  save(): Uint8Array {
    return new Uint8Array(Uint32Array.from(this.#cache).buffer);
  }

  restore(): boolean {
    return false;
  }

  close(): void {}
}

const vocabularyOf = (size: number): Vocabulary => ({
  ...{ size, bos: null, eos: null, endOfText: new Set(), addsSpacePrefix: false },
  fingerprint: `spiky:${size}`,
  longestTokenBytes: 1,
  tokenize: (text) => Int32Array.from(text, (letter) => letter.charCodeAt(0) % size),
  tokenText: (token) => `<${token}>`,
  tokenBytes: () => new Uint8Array(),
});

/** One slot of 512 tokens. @param divergence from the target, >= 0: 0 is the target itself. */
export function spikyEngine(vocabSize: number, divergence: number): Engine {
  const model = new SpikyModel(vocabSize, divergence);
  const vocabulary = vocabularyOf(vocabSize);
  const math = createKernel(vocabSize);
  const core = new EngineCore({ model, math, endOfText: vocabulary.endOfText, now: () => 0 });
  const { slotCount, passTokensMax, passRowsMax, exit } = model;
  const limits = { slotCount, contextLength, passTokensMax, passRowsMax, exit };
  const control = { stopped: () => false, onToken: () => undefined };
  return {
    info: { modelName: 'spiky', vocabulary, chatTemplate: null, imageWidth: null, ...limits },
    open: async (slot, config) => core.open(slot, config),
    pass: async (segments) => core.pass(segments),
    draft: (request) => ({
      stop: () => undefined,
      done: (async () => core.draft(request, control))(),
    }),
    draftEach: async (requests) => core.draftEach(requests),
    truncate: async (slot, length) => core.truncate(slot, length),
    copyPrefix: async (from, to, length) => core.copyPrefix(from, to, length),
    save: async (slot) => core.save(slot),
    see: async (image) => core.see(image),
    forget: async (first) => core.forget(first),
    restore: async (slot, state, config) => core.restore(slot, state, config),
    close: async () => undefined,
  };
}
