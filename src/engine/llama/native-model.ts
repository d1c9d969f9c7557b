// A llama.cpp model with one context, as a RowModel: owns the native handles and frees each once.
// Runs in the thread that decodes; nothing here waits or talks to other threads.

import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import type { ExitInfo } from '../engine.js';
import { ImageStore } from '../image-store.js';
import type { ImageRows } from '../image-tokens.js';
import type { ExitRows, Part, RowModel } from '../row-model.js';
import { CacheSlots } from './cache-slots.js';
import type { ContextThreads } from './context-threads.js';
import { ExitTap, type TapWatch } from './exit-tap.js';
import type { Llama } from './ffi/llama.js';
import type { Pointer } from './ffi/structs.js';
import { type TensorAccess, viewMemory } from './ffi/tensors.js';
import { countTokens, fillBatch, fillCells, type OpenBatch, openBatch } from './native-batch.js';
import { dummyCount, loadModel, startContext, takesGrids } from './native-context.js';
import type { ResolvedOptions } from './options.js';
import {
  accompanied,
  hasImage,
  imagesApart,
  isLonely,
  isNonCausalImage,
  piecesOf,
  type SplitPart,
  splitAtImages,
  toImageEnd,
} from './part-pieces.js';

export class NativeModel implements RowModel {
  readonly vocabSize: number;
  readonly slotCount: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  readonly exit: ExitInfo | null;
  /** Address of the model, for reading the vocabulary from other threads while this one lives. */
  readonly modelPointer: Pointer;
  readonly #llama: Llama;
  readonly #context: Pointer;
  readonly #slots: CacheSlots;
  readonly #batch: OpenBatch;
  readonly #batchTokens: number;
  readonly #images = new ImageStore();
  /** Takes embeddings in place of ids; made with the first image. */
  #imageBatch: OpenBatch | null = null;
  /** The model tells rows and columns of an image apart. */
  readonly #takesGrids: boolean;
  readonly #deterministic: boolean;
  readonly #tap: ExitTap | null;
  #rows: Float32Array = new Float32Array(0);
  /** Where llama.cpp keeps its rows, as far as they were asked for: it only ever grows. */
  #native = { pointer: 0n, rows: new Float32Array(0) };
  #closed = false;

  /**
   * @param tensors needed by a model with an early exit; without one nothing is called back.
   * @param threads that compute, which the caller closes after the model; without them ggml starts
   * its threads for every pass.
   * @throws PilotfishError `engine-failed`, `model-unsupported` or `context-too-large`.
   */
  constructor(
    llama: Llama,
    options: ResolvedOptions,
    tensors: TensorAccess | null = null,
    threads: ContextThreads | null = null,
  ) {
    this.#llama = llama;
    this.exit = options.exit?.info ?? null;
    this.#tap = startTap(llama, tensors, options, threads);
    try {
      this.modelPointer = loadModel(llama, options, 'mapped');
      const callback = this.#tap?.callback ?? null;
      this.#context = startContext(llama, this.modelPointer, options, callback);
    } catch (reason) {
      this.#tap?.close();
      throw reason;
    }
    threads?.attach(this.#context);
    this.vocabSize = llama.vocab_n_tokens(llama.model_get_vocab(this.modelPointer));
    this.slotCount = options.slotCount;
    this.contextLength = Math.min(options.contextLength, llama.n_ctx_seq(this.#context));
    this.passTokensMax = options.passTokensMax;
    this.passRowsMax = options.passRowsMax;
    this.#slots = new CacheSlots(llama, this.modelPointer, this.#context, options);
    this.#takesGrids = takesGrids(llama, this.modelPointer);
    this.#deterministic = options.deterministic;
    this.#batchTokens = options.passTokensMax + dummyCount(options);
    this.#batch = openBatch(llama, this.#batchTokens, 0, false);
    try {
      this.#warmUp(options.modelPath);
    } catch (reason) {
      this.close();
      throw reason;
    }
  }

  /** The first decode allocates; it also shows whether the cache forgets a part of a sequence. */
  #warmUp(path: string): void {
    const probe = Math.min(2, this.passTokensMax, this.contextLength);
    let isTapped = this.#tap === null;
    this.feed([{ slot: 0, from: 0, tokens: new Int32Array(probe), rowCount: 1 }], () => {
      isTapped = true;
    });
    if (!isTapped) {
      throw new PilotfishError(
        'model-unsupported',
        `the graph of the model in ${path} does not show the stream behind a block: it can have no early exit`,
      );
    }
    if (!this.#slots.truncate(0, probe - 1)) {
      throw new PilotfishError(
        'model-unsupported',
        `the cache of the model in ${path} cannot be rolled back`,
      );
    }
    this.truncate(0, 0);
  }

  feed(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    assert(!this.#closed, 'feed after close');
    const isSeeing = this.#imageBatch !== null && parts.some(hasImage);
    for (const { slot } of parts) this.#refill(slot);
    try {
      if (this.#deterministic) this.#feedEach(parts, onExit);
      else if (isSeeing) this.#feedSeeing(parts, onExit);
      else this.#rows = this.#viewRows(this.#decode(parts, watchOf(parts, 0, onExit)));
    } catch (reason) {
      // After some failures part of the batch stays in the cache.
      for (const { slot, from } of parts) this.truncate(slot, from);
      throw reason;
    }
  }

  /** Feeds again what a cut has taken along: half an image, or what is behind a window. */
  #refill(slot: number): void {
    this.#slots.refill(slot, (from, tokens) => {
      for (let at = 0; at < tokens.length; at += this.passTokensMax) {
        const piece = tokens.subarray(at, at + this.passTokensMax);
        const part = { slot, from: from + at, tokens: piece, rowCount: 0 };
        for (const each of this.#piecesOf(part)) this.#feedPiece(each, null);
      }
    });
  }

  #piecesOf(part: Part): Part[] {
    const pieces = imagesApart(part, this.#images);
    return this.#deterministic ? pieces.flatMap(piecesOf) : pieces;
  }

  /**
   * Batches of one part or less, since in a common one the others would decide how it is computed.
   */
  #feedEach(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    const rows = new Float32Array(countRows(parts) * this.vocabSize);
    let at = 0;
    for (const part of parts) {
      for (const piece of this.#piecesOf(part)) {
        // An exit is told all rows of a part or none.
        const isWhole = piece.rowCount === part.rowCount;
        const watch = isWhole ? watchOf([piece], at / this.vocabSize, onExit) : null;
        const found = this.#feedPiece(piece, watch);
        // Copied before the next batch takes their place.
        rows.set(found, at);
        at += found.length;
      }
    }
    this.#rows = rows;
  }

  /** Behind the last attention rows are computed together as well: a lonely one has company. */
  #feedPiece(piece: Part, watch: TapWatch | null): Float32Array {
    const fed = this.#deterministic && isLonely(piece) ? accompanied(piece) : piece;
    const found = this.#viewRows(this.#decode([fed], watch));
    if (fed !== piece) this.truncate(piece.slot, piece.from + piece.tokens.length);
    return found.subarray(0, piece.rowCount * this.vocabSize);
  }

  /** Images by themselves, then one batch of all words behind them and of the other parts. */
  #feedSeeing(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    const split = parts.map((part) => splitAtImages(part, this.#images));
    const joint = split.flatMap((each) => each.joint ?? []);
    const early = new Float32Array((countRows(parts) - countRows(joint)) * this.vocabSize);
    let at = 0;
    for (const piece of split.flatMap(({ apart }) => apart)) {
      const found = this.#feedApart(piece);
      early.set(found, at);
      at += found.length;
    }
    // Where some rows are early, an exit would be told of rows that do not lie together.
    const watch = early.length === 0 ? watchOf(joint, 0, onExit) : null;
    const late = this.#viewRows(joint.length === 0 ? 0 : this.#decode(joint, watch));
    this.#rows = early.length === 0 ? late : this.#inOrder(parts, split, early, late);
  }

  /**
   * Where an image attends to all of itself, all of it is computed however little is asked for: a
   * prompt may be cut anywhere into passes. What was not asked for is forgotten.
   */
  #feedApart(piece: Part): Float32Array {
    const isCausal = !isNonCausalImage(piece, this.#images);
    const fed = isCausal ? piece : toImageEnd(piece, this.#images);
    if (!isCausal) this.#llama.set_causal_attn(this.#context, false);
    try {
      const rows = this.#viewRows(this.#decode([fed], null));
      if (fed !== piece) this.truncate(piece.slot, piece.from + piece.tokens.length);
      return rows.subarray(0, piece.rowCount * this.vocabSize);
    } finally {
      if (!isCausal) this.#llama.set_causal_attn(this.#context, true);
    }
  }

  /** @param early rows of parts without joint words. @param late rows of the common batch. */
  #inOrder(
    parts: readonly Part[],
    split: readonly SplitPart[],
    early: Float32Array,
    late: Float32Array,
  ): Float32Array {
    const rows = new Float32Array(early.length + late.length);
    const rest = { early, late };
    let at = 0;
    for (const [index, { rowCount }] of parts.entries()) {
      const kind = split[index]!.joint === null ? 'early' : 'late';
      const count = rowCount * this.vocabSize;
      rows.set(rest[kind].subarray(0, count), at);
      rest[kind] = rest[kind].subarray(count);
      at += count;
    }
    return rows;
  }

  /** @returns rows that llama.cpp has computed. */
  #decode(parts: readonly Part[], watch: TapWatch | null): number {
    const isOfImages = this.#imageBatch !== null && parts.some(hasImage);
    const { native, arrays } = isOfImages ? this.#imageBatch! : this.#batch;
    const positionsOf = (slot: number) => this.#slots.positionsOf(slot);
    const places = { images: this.#images, positionsOf };
    for (const { slot, tokens } of parts) positionsOf(slot).append(tokens, this.#images);
    const rowCount = fillBatch(arrays, parts, places);
    if (isOfImages && this.#takesGrids) fillCells(arrays, parts, places);
    native.n_tokens = countTokens(parts);
    const decode = (): number => this.#llama.decode(this.#context, native);
    const status = this.#tap ? this.#tap.during(watch, decode) : decode();
    if (status === 0) return rowCount;
    if (status === 1) {
      throw new PilotfishError('context-exhausted', 'no free cells in the cache for this pass');
    }
    throw new PilotfishError('engine-failed', `llama_decode returned ${status}`);
  }

  see(image: ImageRows): Int32Array {
    const width = this.#llama.model_n_embd_inp(this.modelPointer);
    if (image.width !== width) {
      throw new PilotfishError(
        'segment-invalid',
        `embeddings of length ${image.width}; the model takes ${width}`,
      );
    }
    if ((image.grid !== null) !== this.#takesGrids) {
      const wanted = this.#takesGrids ? 'with rows and columns' : 'without rows and columns';
      throw new PilotfishError('segment-invalid', `the model takes images ${wanted}`);
    }
    if (image.isNonCausal) this.#checkNonCausal(image);
    this.#imageBatch ??= openBatch(this.#llama, this.#batchTokens, width, this.#takesGrids);
    return this.#images.add(image);
  }

  /** llama.cpp ends the process on a non-causal batch that it would have to cut. */
  #checkNonCausal({ grid, embeddings, width }: ImageRows): void {
    if (grid !== null) {
      throw new PilotfishError(
        'model-unsupported',
        'images with rows and columns and with non-causal attention: no known model has them',
      );
    }
    const tokenCount = embeddings.length / width;
    if (this.#deterministic) {
      throw new PilotfishError(
        'model-unsupported',
        'deterministic mode takes no images with non-causal attention: run without it',
      );
    }
    if (tokenCount > this.passTokensMax) {
      throw new PilotfishError(
        'segment-invalid',
        `an image of ${tokenCount} tokens with non-causal attention needs one pass; ` +
          `passTokensMax is ${this.passTokensMax}`,
      );
    }
  }

  forget(first: number): void {
    this.#images.forget(first);
  }

  checkImageToken(token: number): void {
    this.#images.rowOf(token);
  }

  #viewRows(rowCount: number): Float32Array {
    if (rowCount === 0) return new Float32Array(0);
    const logits = this.#llama.get_logits(this.#context);
    assert(logits !== null, 'llama.cpp gave no logits for a batch that asked for some');
    const count = rowCount * this.vocabSize;
    // A view costs as much as all else that is done for a pass of one row.
    if (logits !== this.#native.pointer || count > this.#native.rows.length) {
      this.#native = { pointer: logits, rows: new Float32Array(viewMemory(logits, count * 4)) };
    }
    return this.#native.rows.subarray(0, count);
  }

  row(index: number): Float32Array {
    const from = index * this.vocabSize;
    assert(index >= 0 && from < this.#rows.length, `row ${index} was not asked for`);
    return this.#rows.subarray(from, from + this.vocabSize);
  }

  truncate(slot: number, length: number): void {
    this.#slots.truncate(slot, length);
  }

  copyPrefix(from: number, to: number, length: number): void {
    this.#slots.copyPrefix(from, to, length);
  }

  save(slot: number): Uint8Array {
    return this.#slots.save(slot);
  }

  restore(slot: number, state: Uint8Array, length: number): boolean {
    return this.#slots.restore(slot, state, length);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rows = new Float32Array(0);
    this.#native = { pointer: 0n, rows: new Float32Array(0) };
    this.#batch.close();
    this.#imageBatch?.close();
    this.#llama.free(this.#context);
    this.#llama.model_free(this.modelPointer);
    this.#tap?.close();
  }
}

function startTap(
  llama: Llama,
  tensors: TensorAccess | null,
  options: ResolvedOptions,
  threads: ContextThreads | null,
): ExitTap | null {
  if (options.exit === null) return null;
  assert(tensors !== null, 'an early exit needs the door to tensors');
  return new ExitTap(llama, tensors, options.exit, options, threads);
}

/** @param firstRow number of the first of the parts' wanted rows within the feed. */
function watchOf(
  parts: readonly Part[],
  firstRow: number,
  onExit?: (rows: ExitRows) => void,
): TapWatch | null {
  if (!onExit) return null;
  const wanted: number[] = [];
  let at = 0;
  for (const { tokens, rowCount } of parts) {
    for (let index = tokens.length - rowCount; index < tokens.length; index++) {
      wanted.push(at + index);
    }
    at += tokens.length;
  }
  return { wanted, firstRow, onExit };
}

const countRows = (parts: readonly Part[]): number =>
  parts.reduce((sum, { rowCount }) => sum + rowCount, 0);
