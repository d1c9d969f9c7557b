// A llama.cpp model with one context, as a RowModel: owns the native handles and frees each once.
// Runs in the thread that decodes; nothing here waits or talks to other threads.

import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import type { ExitInfo } from '../engine.js';
import { ImageStore } from '../image-store.js';
import type { ImageRows } from '../image-tokens.js';
import type { ExitRows, Part, RowModel } from '../row-model.js';
import type { ContextThreads } from './context-threads.js';
import { ExitTap, type TapWatch } from './exit-tap.js';
import type { Llama } from './ffi/llama.js';
import type { NativeBatch, Pointer } from './ffi/structs.js';
import { type TensorAccess, viewMemory } from './ffi/tensors.js';
import { type BatchArrays, fillBatch, viewBatch } from './native-batch.js';
import { dummyCount, loadModel, startContext } from './native-context.js';
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
  readonly #memory: Pointer;
  readonly #batch: NativeBatch;
  readonly #arrays: BatchArrays;
  readonly #batchTokens: number;
  readonly #images = new ImageStore();
  /** Takes embeddings in place of ids; made with the first image. */
  #imageBatch: { readonly batch: NativeBatch; readonly arrays: BatchArrays } | null = null;
  readonly #unified: boolean;
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
    this.#memory = llama.get_memory(this.#context);
    this.vocabSize = llama.vocab_n_tokens(llama.model_get_vocab(this.modelPointer));
    this.slotCount = options.slotCount;
    this.contextLength = Math.min(options.contextLength, llama.n_ctx_seq(this.#context));
    this.passTokensMax = options.passTokensMax;
    this.passRowsMax = options.passRowsMax;
    this.#unified = options.unifiedCache;
    this.#deterministic = options.deterministic;
    const batchTokens = options.passTokensMax + dummyCount(options);
    this.#batchTokens = batchTokens;
    this.#batch = llama.batch_init(batchTokens, 0, 1);
    this.#arrays = viewBatch(this.#batch, batchTokens, 0);
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
    if (!this.#llama.memory_seq_rm(this.#memory, 0, probe - 1, -1)) {
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
    if (this.#deterministic) this.#feedEach(parts, onExit);
    else if (isSeeing) this.#feedSeeing(parts, onExit);
    else this.#rows = this.#viewRows(this.#decode(parts, parts, watchOf(parts, 0, onExit)));
  }

  /**
   * Batches of one part or less, since in a common one the others would decide how it is computed.
   */
  #feedEach(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    const rows = new Float32Array(countRows(parts) * this.vocabSize);
    let at = 0;
    for (const part of parts) {
      const pieces = imagesApart(part, this.#images);
      for (const piece of this.#deterministic ? pieces.flatMap(piecesOf) : pieces) {
        const fed = this.#deterministic && isLonely(piece) ? accompanied(piece) : piece;
        // An exit is told all rows of a part or none.
        const isWhole = piece.rowCount === part.rowCount;
        const watch = isWhole ? watchOf([piece], at / this.vocabSize, onExit) : null;
        const found = this.#viewRows(this.#decode([fed], parts, watch));
        if (fed !== piece) this.truncate(piece.slot, piece.from + piece.tokens.length);
        // Behind the last attention rows are computed together as well: copied before the next
        // batch takes their place.
        const wanted = piece.rowCount * this.vocabSize;
        rows.set(found.subarray(0, wanted), at);
        at += wanted;
      }
    }
    this.#rows = rows;
  }

  /** Images by themselves, then one batch of all words behind them and of the other parts. */
  #feedSeeing(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    const split = parts.map((part) => splitAtImages(part, this.#images));
    const joint = split.flatMap((each) => each.joint ?? []);
    const early = new Float32Array((countRows(parts) - countRows(joint)) * this.vocabSize);
    let at = 0;
    for (const piece of split.flatMap(({ apart }) => apart)) {
      const found = this.#feedApart(piece, parts);
      early.set(found, at);
      at += found.length;
    }
    // Where some rows are early, an exit would be told of rows that do not lie together.
    const watch = early.length === 0 ? watchOf(joint, 0, onExit) : null;
    const late = this.#viewRows(joint.length === 0 ? 0 : this.#decode(joint, parts, watch));
    this.#rows = early.length === 0 ? late : this.#inOrder(parts, split, early, late);
  }

  /**
   * Where an image attends to all of itself, all of it is computed however little is asked for: a
   * prompt may be cut anywhere into passes. What was not asked for is forgotten.
   */
  #feedApart(piece: Part, all: readonly Part[]): Float32Array {
    const isCausal = !isNonCausalImage(piece, this.#images);
    const fed = isCausal ? piece : toImageEnd(piece, this.#images);
    if (!isCausal) this.#llama.set_causal_attn(this.#context, false);
    try {
      const rows = this.#viewRows(this.#decode([fed], all, null));
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

  /** @param all what to put back should it fail. @returns rows that llama.cpp has computed. */
  #decode(parts: readonly Part[], all: readonly Part[], watch: TapWatch | null): number {
    const { batch, arrays } = this.#batchFor(parts);
    const rowCount = fillBatch(arrays, parts, this.#images);
    batch.n_tokens = parts.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const decode = (): number => this.#llama.decode(this.#context, batch);
    const status = this.#tap ? this.#tap.during(watch, decode) : decode();
    if (status !== 0) this.#failFeed(status, all);
    return rowCount;
  }

  #batchFor(parts: readonly Part[]) {
    if (this.#imageBatch === null || !parts.some(hasImage)) {
      return { batch: this.#batch, arrays: this.#arrays };
    }
    return this.#imageBatch;
  }

  see(image: ImageRows): Int32Array {
    const width = this.#llama.model_n_embd(this.modelPointer);
    if (image.width !== width) {
      throw new PilotfishError(
        'segment-invalid',
        `embeddings of length ${image.width}; the model takes ${width}`,
      );
    }
    if (image.isNonCausal) this.#checkNonCausal(image.embeddings.length / width);
    if (this.#imageBatch === null) {
      const batch = this.#llama.batch_init(this.#batchTokens, width, 1);
      this.#imageBatch = { batch, arrays: viewBatch(batch, this.#batchTokens, width) };
    }
    return this.#images.add(image);
  }

  /** llama.cpp ends the process on a non-causal batch that it would have to cut. */
  #checkNonCausal(tokenCount: number): void {
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

  /**
   * After some failures part of the batch stays in the cache: put every slot back to where it was.
   */
  #failFeed(status: number, parts: readonly Part[]): never {
    for (const { slot, from } of parts) this.truncate(slot, from);
    if (status === 1) {
      throw new PilotfishError('context-exhausted', 'no free cells in the cache for this pass');
    }
    throw new PilotfishError('engine-failed', `llama_decode returned ${status}`);
  }

  row(index: number): Float32Array {
    const from = index * this.vocabSize;
    assert(index >= 0 && from < this.#rows.length, `row ${index} was not asked for`);
    return this.#rows.subarray(from, from + this.vocabSize);
  }

  truncate(slot: number, length: number): void {
    this.#llama.memory_seq_rm(this.#memory, slot, length, -1);
  }

  copyPrefix(from: number, to: number, length: number): void {
    this.truncate(to, 0);
    if (length === 0) return;
    // Separate caches copy whole sequences only; a unified one shares cells up to a length.
    this.#llama.memory_seq_cp(this.#memory, from, to, -1, this.#unified ? length : -1);
    if (!this.#unified) this.truncate(to, length);
  }

  save(slot: number): Uint8Array {
    const bytes = Number(this.#llama.state_seq_get_size(this.#context, slot));
    const state = new Uint8Array(bytes);
    const written = Number(this.#llama.state_seq_get_data(this.#context, state, bytes, slot));
    return state.subarray(0, written);
  }

  restore(slot: number, state: Uint8Array): boolean {
    return this.#llama.state_seq_set_data(this.#context, state, state.length, slot) > 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rows = new Float32Array(0);
    this.#native = { pointer: 0n, rows: new Float32Array(0) };
    this.#llama.batch_free(this.#batch);
    if (this.#imageBatch) this.#llama.batch_free(this.#imageBatch.batch);
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
