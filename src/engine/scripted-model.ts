// Computes a deterministic toy language model of at most 16 tokens for tests, the simulator and the
// exactness proof. Its logits depend on every token of the prefix through the cache, so any wrong
// cache entry shows in the text.

import { assert } from '../base/assert.js';
import { PilotfishError } from '../base/error.js';
import type { ExitInfo } from './engine.js';
import { ImageStore } from './image-store.js';
import type { ImageRows } from './image-tokens.js';
import type { ExitRows, Part, RowModel } from './row-model.js';

/** Options of the toy model of createScriptedEngine. */
export interface ScriptedModelOptions {
  /** In [2, 16]. */
  readonly vocabSize: number;
  /** Two models with the same seed write the same text. */
  readonly seed: number;
  /**
   * Distance of the logits from those of the seed's model, >= 0; 0 is the target itself; larger
   * values make a worse draft.
   */
  readonly divergence: number;
  /** Spread of the logits; larger values concentrate the law. */
  readonly sharpness: number;
  readonly slotCount: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  /**
   * An early exit that is right with probability `agreement`, in [0, 1], else random; null: no
   * exit.
   */
  readonly exit: { readonly agreement: number } | null;
}

/** Numbers of an embedding of an image. */
export const scriptedImageWidth = 4;

/** Separates the exit's hashes from the model's. */
const exitSalt = 0x0e817;

function exitOf({ exit }: ScriptedModelOptions): ExitInfo | null {
  if (!exit) return null;
  const { agreement } = exit;
  assert(agreement >= 0 && agreement <= 1, `agreement ${agreement} is outside [0, 1]`);
  return { layer: 1, layerCount: 2, trained: true, sharpness: 1e6, coverage: agreement };
}

/**
 * 32-bit mixer with full avalanche (multiply-xorshift, constants of the lowbias32 search by C.
 * Wellons).
 */
function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Uniform in [-1, 1) from three words. */
const spread = (a: number, b: number, c: number): number =>
  mix(mix(mix(a) ^ b) ^ Math.imul(c, 0x9e3779b9)) / 2 ** 31 - 1;

export class ScriptedModel implements RowModel {
  readonly vocabSize: number;
  readonly slotCount: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  readonly exit: ExitInfo | null;
  readonly #options: ScriptedModelOptions;
  /** The toy's KV cache: per slot and position, a hash of the whole prefix. */
  readonly #caches: number[][];
  readonly #images = new ImageStore();
  #rows: Float32Array[] = [];
  #exitRows: Float32Array[] = [];

  constructor(options: ScriptedModelOptions) {
    const { vocabSize } = options;
    assert(vocabSize >= 2 && vocabSize <= 16, `vocabSize ${vocabSize} is outside [2, 16]`);
    this.#options = options;
    this.vocabSize = vocabSize;
    this.slotCount = options.slotCount;
    this.contextLength = options.contextLength;
    this.passTokensMax = options.passTokensMax;
    this.passRowsMax = options.passRowsMax;
    this.exit = exitOf(options);
    this.#caches = Array.from({ length: options.slotCount }, () => []);
  }

  feed(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    for (const { slot, from, tokens } of parts) {
      assert(this.#caches[slot]!.length === from, `slot ${slot} does not end at ${from}`);
      if (from + tokens.length > this.contextLength) {
        throw new PilotfishError('context-exhausted', `slot ${slot} is full`);
      }
    }
    this.#rows = [];
    this.#exitRows = [];
    for (const { slot, tokens, rowCount } of parts) {
      const cache = this.#caches[slot]!;
      tokens.forEach((token, index) => {
        cache.push(mix((cache[cache.length - 1] ?? 0x5eed) ^ Math.imul(token + 1, 0x01000193)));
        if (index >= tokens.length - rowCount) this.#addRow(cache[cache.length - 1]!);
      });
    }
    const count = this.#exitRows.length;
    if (count > 0) onExit?.({ from: 0, count, row: (index) => this.#exitRows[index]! });
  }

  #addRow(prefixHash: number): void {
    const { seed, exit } = this.#options;
    const row = this.#logits(prefixHash);
    this.#rows.push(row);
    if (!exit) return;
    const isRight = mix(prefixHash ^ exitSalt ^ seed) < exit.agreement * 2 ** 32;
    this.#exitRows.push(isRight ? row : this.#logits(mix(prefixHash ^ exitSalt)));
  }

  #logits(prefixHash: number): Float32Array {
    const { seed, divergence, sharpness } = this.#options;
    const logits = new Float32Array(this.vocabSize);
    for (let token = 0; token < logits.length; token++) {
      const shared = spread(prefixHash, seed, token);
      const own = divergence === 0 ? 0 : spread(prefixHash, ~seed, token);
      logits[token] = sharpness * (shared + divergence * own);
    }
    return logits;
  }

  row(index: number): Float32Array {
    const row = this.#rows[index];
    assert(row !== undefined, `row ${index} is outside [0, ${this.#rows.length})`);
    return row;
  }

  truncate(slot: number, length: number): void {
    const cache = this.#caches[slot]!;
    cache.length = Math.min(cache.length, length);
  }

  copyPrefix(from: number, to: number, length: number): void {
    this.#caches[to] = this.#caches[from]!.slice(0, length);
  }

  /** Its law after an image depends on the ids alone, and so on the content. */
  see(image: ImageRows): Int32Array {
    if (image.width !== scriptedImageWidth) {
      const message = `embeddings of length ${image.width}; the model takes ${scriptedImageWidth}`;
      throw new PilotfishError('segment-invalid', message);
    }
    return this.#images.add(image);
  }

  forget(first: number): void {
    this.#images.forget(first);
  }

  checkImageToken(token: number): void {
    this.#images.rowOf(token);
  }

  save(slot: number): Uint8Array {
    return new Uint8Array(Uint32Array.from([this.vocabSize, ...this.#caches[slot]!]).buffer);
  }

  restore(slot: number, state: Uint8Array, length: number): boolean {
    if (state.length < 4 || state.length % 4 !== 0) return false;
    const [vocabSize, ...hashes] = new Uint32Array(state.slice().buffer);
    if (vocabSize !== this.vocabSize) return false;
    this.#caches[slot] = hashes.slice(0, length);
    return true;
  }

  close(): void {
    for (const cache of this.#caches) cache.length = 0;
  }
}
