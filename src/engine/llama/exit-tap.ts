// The early exit of a running model: takes rows of the stream behind a block while llama.cpp
// computes the rest, and turns them into logits with a one-block model of its own. llama.cpp calls
// back on the thread that decodes, inside the decode, so nothing here is ever concurrent. Source of
// the callback's protocol: ggml_backend_sched_eval_callback.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import { checkExitFile } from '../gguf/exit-file.js';
import { writeExitModel } from '../gguf/exit-model.js';
import { checkModelFile } from '../gguf/model-file.js';
import { readGguf } from '../gguf/reader.js';
import type { ExitRows } from '../row-model.js';
import type { ContextThreads } from './context-threads.js';
import type { ExitPlan } from './exit-plan.js';
import type { Llama } from './ffi/llama.js';
import type { NativeBatch, Pointer } from './ffi/structs.js';
import { type TensorAccess, viewMemory } from './ffi/tensors.js';
import { contextParams, loadModel, type Weights } from './native-context.js';
import type { ResolvedOptions } from './options.js';

/** One decode that is watched. */
export interface TapWatch {
  /** [rows] which tokens of the batch have rows that are wanted, rising. */
  readonly wanted: readonly number[];
  /** Number of the first of these rows within the feed. */
  readonly firstRow: number;
  readonly onExit: (rows: ExitRows) => void;
}

export class ExitTap {
  readonly #llama: Llama;
  readonly #tensors: TensorAccess;
  readonly #nodeName: string;
  readonly #width: number;
  readonly #vocabSize: number;
  readonly #model: Pointer;
  readonly #context: Pointer;
  readonly #batch: NativeBatch;
  /** [rowsMax, width], native memory: what the one-block model reads. */
  readonly #hidden: Float32Array;
  readonly #callback: Pointer;
  #watch: TapWatch | null = null;
  /** Of the watched decode: tokens whose stream has been seen, and wanted rows taken. */
  #seen = 0;
  #taken = 0;
  #fault: unknown = null;

  /**
   * @param options of the model that is watched.
   * @param threads of that model: they are idle while it calls back.
   * @throws PilotfishError those of `writeExitModel`; `engine-failed` or `context-too-large` when
   * llama.cpp refuses it.
   */
  constructor(
    llama: Llama,
    tensors: TensorAccess,
    plan: ExitPlan,
    options: ResolvedOptions,
    threads: ContextThreads | null,
  ) {
    const facts = checkModelFile(options.modelPath);
    const rowsMax = rowsMaxOf(options);
    this.#llama = llama;
    this.#tensors = tensors;
    this.#nodeName = `l_out-${plan.info.layer - 1}`;
    this.#width = facts.embeddingLength;
    this.#vocabSize = facts.vocabSize;
    const { model, context } = startComposed(llama, plan, options, 'copied');
    this.#model = model;
    this.#context = context;
    threads?.attach(context);
    this.#batch = llama.batch_init(rowsMax, this.#width, 1);
    fillBatch(this.#batch, rowsMax);
    this.#hidden = new Float32Array(viewMemory(this.#batch.embd!, rowsMax * this.#width * 4));
    this.#callback = tensors.registerEval((tensor, ask) => this.#meet(tensor, ask));
  }

  /** Address of the callback, for the context of the watched model. */
  get callback(): Pointer {
    return this.#callback;
  }

  /**
   * Runs one decode; the rows reach `watch.onExit` before it is over. What that throws is thrown
   * behind the decode.
   */
  during<T>(watch: TapWatch | null, decode: () => T): T {
    this.#watch = watch && watch.wanted.length > 0 ? watch : null;
    this.#seen = 0;
    this.#taken = 0;
    this.#fault = null;
    const result = decode();
    this.#watch = null;
    if (this.#fault !== null) throw this.#fault;
    return result;
  }

  /**
   * Asked about each node of the graph before it is computed, and told of those it wanted after.
   * Must not throw.
   */
  #meet(tensor: Pointer, ask: boolean): boolean {
    if (ask) return this.#watch !== null && this.#tensors.name(tensor) === this.#nodeName;
    try {
      this.#take(tensor);
    } catch (reason) {
      this.#fault = reason;
      this.#watch = null;
    }
    return true;
  }

  /**
   * A batch may be computed in several parts, in its order; the rows are complete with the last
   * wanted one.
   */
  #take(tensor: Pointer): void {
    const { wanted, firstRow, onExit } = this.#watch!;
    const count = this.#tensors.rowCount(tensor);
    const rowBytes = this.#width * Float32Array.BYTES_PER_ELEMENT;
    assert(
      this.#tensors.byteCount(tensor) === count * rowBytes,
      `${this.#nodeName} is not ${count} rows of ${this.#width} float32`,
    );
    while (this.#taken < wanted.length && wanted[this.#taken]! < this.#seen + count) {
      const run = runLength(wanted, this.#taken, this.#seen + count);
      const into = this.#hidden.subarray(this.#taken * this.#width);
      const at = (wanted[this.#taken]! - this.#seen) * rowBytes;
      this.#tensors.read(tensor, into, at, run * rowBytes);
      this.#taken += run;
    }
    this.#seen += count;
    if (this.#taken < wanted.length) return;
    this.#watch = null;
    const rows = this.#compute(wanted.length);
    if (rows) onExit({ from: firstRow, count: wanted.length, row: (row) => rows(row - firstRow) });
  }

  /**
   * Logits of the taken rows; null where llama.cpp fails on them, which is no reason for the pass
   * to fail.
   */
  #compute(count: number): ((index: number) => Float32Array) | null {
    const llama = this.#llama;
    this.#batch.n_tokens = count;
    const status = llama.decode(this.#context, this.#batch);
    llama.memory_seq_rm(llama.get_memory(this.#context), 0, 0, -1);
    const logits = status === 0 ? llama.get_logits(this.#context) : null;
    if (logits === null) return null;
    const all = new Float32Array(viewMemory(logits, count * this.#vocabSize * 4));
    return (index) => all.subarray(index * this.#vocabSize, (index + 1) * this.#vocabSize);
  }

  /** After the model that calls back has been freed. */
  close(): void {
    this.#tensors.unregisterEval(this.#callback);
    this.#llama.batch_free(this.#batch);
    this.#llama.free(this.#context);
    this.#llama.model_free(this.#model);
  }
}

/**
 * Options of the one-block model: rows are the positions of one sequence, which forgets them after
 * each decode.
 */
const oneSequence = (rowsMax: number) =>
  ({
    slotCount: 1,
    contextLength: rowsMax,
    passTokensMax: rowsMax,
    passRowsMax: rowsMax,
    cacheTypeK: 'f16',
    cacheTypeV: 'f16',
    deterministic: false,
    exit: null,
  }) as const;

const rowsMaxOf = ({ passRowsMax }: ResolvedOptions): number => passRowsMax + 1;

/**
 * Composes the one-block model and loads it with a context; the caller frees both.
 *
 * @param options of the model that is watched.
 * @throws PilotfishError those of `writeExitModel`; `engine-failed` or `context-too-large` when
 * llama.cpp refuses it.
 */
export function startComposed(
  llama: Llama,
  plan: ExitPlan,
  options: ResolvedOptions,
  weights: Weights,
): { readonly model: Pointer; readonly context: Pointer } {
  const rowsMax = rowsMaxOf(options);
  const own = { ...options, ...oneSequence(rowsMax) };
  const model = loadComposed(llama, plan, own, weights);
  const context = llama.init_from_model(model, contextParams(llama, own, null));
  if (context !== null) return { model, context };
  llama.model_free(model);
  throw new PilotfishError('context-too-large', `no memory for an exit of ${rowsMax} rows`);
}

/** The file of the composed model lives as long as loading takes. */
function loadComposed(
  llama: Llama,
  { headPath }: ExitPlan,
  own: ResolvedOptions,
  weights: Weights,
): Pointer {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-exit-'));
  try {
    const modelPath = join(folder, 'exit.gguf');
    const head = headPath === null ? null : checkExitFile(headPath);
    writeExitModel(modelPath, readGguf(own.modelPath), checkModelFile(own.modelPath), head);
    return loadModel(llama, { ...own, modelPath }, weights);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fillBatch(batch: NativeBatch, rowsMax: number): void {
  const slots = new BigUint64Array(viewMemory(batch.seq_id!, rowsMax * 8));
  new Int32Array(viewMemory(batch.n_seq_id!, rowsMax * 4)).fill(1);
  new Int8Array(viewMemory(batch.logits!, rowsMax)).fill(1);
  const positions = new Int32Array(viewMemory(batch.pos!, rowsMax * 4));
  for (let row = 0; row < rowsMax; row++) {
    positions[row] = row;
    new Int32Array(viewMemory(slots[row]!, 4))[0] = 0;
  }
}

/** How many of the wanted tokens from `first` on follow one another, below `end`. */
function runLength(wanted: readonly number[], first: number, end: number): number {
  let length = 1;
  while (wanted[first + length] === wanted[first]! + length && wanted[first + length]! < end) {
    length++;
  }
  return length;
}
