// The only door to native code: llama.cpp's C API through koffi. Declares the symbols and structs
// this project uses, and refuses a library whose version or struct defaults are not those it was
// written for. Source: include/llama.h of llama.cpp 0.5.0.

import koffi, { type LibraryHandle, type TypeObject } from 'koffi';
import { PilotfishError } from '../../base/error.js';
import { type LibraryFiles, llamaVersion, platformPackageVersion } from './library.js';

/** A native address; shared between threads of one process as a number. */
export type Pointer = bigint;

const modelParamsLayout = {
  devices: 'void*',
  tensor_buft_overrides: 'void*',
  n_gpu_layers: 'int32',
  split_mode: 'int32',
  load_mode: 'int32',
  lazy_mode: 'int32',
  main_gpu: 'int32',
  tensor_split: 'void*',
  progress_callback: 'void*',
  progress_callback_user_data: 'void*',
  kv_overrides: 'void*',
  vocab_only: 'bool',
  check_tensors: 'bool',
  use_extra_bufts: 'bool',
  no_host: 'bool',
  no_alloc: 'bool',
  load_mtp: 'bool',
} as const;

const contextParamsLayout = {
  n_ctx: 'uint32',
  n_batch: 'uint32',
  n_ubatch: 'uint32',
  n_seq_max: 'uint32',
  n_rs_seq: 'uint32',
  n_outputs_max: 'uint32',
  n_outputs_max_per_seq: 'uint32',
  n_threads: 'int32',
  n_threads_batch: 'int32',
  ctx_type: 'int32',
  rope_scaling_type: 'int32',
  pooling_type: 'int32',
  attention_type: 'int32',
  flash_attn_type: 'int32',
  rope_freq_base: 'float',
  rope_freq_scale: 'float',
  yarn_ext_factor: 'float',
  yarn_attn_factor: 'float',
  yarn_beta_fast: 'float',
  yarn_beta_slow: 'float',
  yarn_orig_ctx: 'uint32',
  defrag_thold: 'float',
  cb_eval: 'void*',
  cb_eval_user_data: 'void*',
  type_k: 'int32',
  type_v: 'int32',
  abort_callback: 'void*',
  abort_callback_data: 'void*',
  embeddings: 'bool',
  offload_kqv: 'bool',
  no_perf: 'bool',
  op_offload: 'bool',
  swa_full: 'bool',
  kv_unified: 'bool',
  samplers: 'void*',
  n_samplers: 'size_t',
  ctx_other: 'void*',
} as const;

const batchLayout = {
  n_tokens: 'int32',
  token: 'void*',
  embd: 'void*',
  pos: 'void*',
  n_seq_id: 'void*',
  seq_id: 'void*',
  logits: 'void*',
} as const;

type Field<T> = T extends 'void*' ? Pointer | null : T extends 'bool' ? boolean : number;
type Struct<Layout> = { -readonly [Key in keyof Layout]: Field<Layout[Key]> };
export type ModelParams = Struct<typeof modelParamsLayout>;
export type ContextParams = Struct<typeof contextParamsLayout>;
export type NativeBatch = Struct<typeof batchLayout>;

/**
 * llama_batch_init(n, embd, n_seq_max) and friends, by the names of llama.h without the llama_
 * prefix.
 */
export interface Llama {
  model_default_params(): ModelParams;
  context_default_params(): ContextParams;
  model_load_from_file(path: string, params: ModelParams): Pointer | null;
  model_free(model: Pointer): void;
  init_from_model(model: Pointer, params: ContextParams): Pointer | null;
  free(context: Pointer): void;
  n_ctx_seq(context: Pointer): number;
  model_get_vocab(model: Pointer): Pointer;
  model_has_encoder(model: Pointer): boolean;
  model_has_decoder(model: Pointer): boolean;
  model_is_recurrent(model: Pointer): boolean;
  model_is_hybrid(model: Pointer): boolean;
  model_is_diffusion(model: Pointer): boolean;
  get_memory(context: Pointer): Pointer;
  memory_seq_rm(memory: Pointer, slot: number, from: number, to: number): boolean;
  memory_seq_cp(memory: Pointer, source: number, target: number, from: number, to: number): void;
  state_seq_get_size(context: Pointer, slot: number): number;
  state_seq_get_data(context: Pointer, out: Uint8Array, bytes: number, slot: number): number;
  state_seq_set_data(context: Pointer, data: Uint8Array, bytes: number, slot: number): number;
  batch_init(tokens: number, embd: number, sequences: number): NativeBatch;
  batch_free(batch: NativeBatch): void;
  decode(context: Pointer, batch: NativeBatch): number;
  get_logits(context: Pointer): Pointer | null;
  vocab_n_tokens(vocab: Pointer): number;
  vocab_get_text(vocab: Pointer, token: number): string;
  vocab_get_attr(vocab: Pointer, token: number): number;
  vocab_is_eog(vocab: Pointer, token: number): boolean;
  vocab_bos(vocab: Pointer): number;
  vocab_eos(vocab: Pointer): number;
  vocab_get_add_bos(vocab: Pointer): boolean;
  tokenize(
    vocab: Pointer,
    text: Uint8Array,
    bytes: number,
    out: Int32Array,
    outMax: number,
    addSpecial: boolean,
    parseSpecial: boolean,
  ): number;
  token_to_piece(
    vocab: Pointer,
    token: number,
    out: Uint8Array,
    bytes: number,
    strip: number,
    special: boolean,
  ): number;
}

/**
 * Signatures by the same names; `model_params`, `context_params` and `batch` stand for the structs.
 */
const signatures: Record<keyof Llama, readonly [result: string, args: readonly string[]]> = {
  model_default_params: ['model_params', []],
  context_default_params: ['context_params', []],
  model_load_from_file: ['void*', ['str', 'model_params']],
  model_free: ['void', ['void*']],
  init_from_model: ['void*', ['void*', 'context_params']],
  free: ['void', ['void*']],
  n_ctx_seq: ['uint32', ['void*']],
  model_get_vocab: ['void*', ['void*']],
  model_has_encoder: ['bool', ['void*']],
  model_has_decoder: ['bool', ['void*']],
  model_is_recurrent: ['bool', ['void*']],
  model_is_hybrid: ['bool', ['void*']],
  model_is_diffusion: ['bool', ['void*']],
  get_memory: ['void*', ['void*']],
  memory_seq_rm: ['bool', ['void*', 'int32', 'int32', 'int32']],
  memory_seq_cp: ['void', ['void*', 'int32', 'int32', 'int32', 'int32']],
  state_seq_get_size: ['size_t', ['void*', 'int32']],
  state_seq_get_data: ['size_t', ['void*', 'void*', 'size_t', 'int32']],
  state_seq_set_data: ['size_t', ['void*', 'void*', 'size_t', 'int32']],
  batch_init: ['batch', ['int32', 'int32', 'int32']],
  batch_free: ['void', ['batch']],
  decode: ['int32', ['void*', 'batch']],
  get_logits: ['void*', ['void*']],
  vocab_n_tokens: ['int32', ['void*']],
  vocab_get_text: ['str', ['void*', 'int32']],
  vocab_get_attr: ['int32', ['void*', 'int32']],
  vocab_is_eog: ['bool', ['void*', 'int32']],
  vocab_bos: ['int32', ['void*']],
  vocab_eos: ['int32', ['void*']],
  vocab_get_add_bos: ['bool', ['void*']],
  tokenize: ['int32', ['void*', 'void*', 'int32', 'void*', 'int32', 'bool', 'bool']],
  token_to_piece: ['int32', ['void*', 'int32', 'void*', 'int32', 'int32', 'bool']],
};

let opened: { readonly folder: string; readonly llama: Llama } | null = null;

/**
 * Opens the libraries in this thread; the second call in a thread returns the first one's. Compute
 * backends are registered once per process, by whichever thread comes first.
 *
 * @throws PilotfishError `library-incompatible` when a file does not load or is another version.
 */
export function openLlama(files: LibraryFiles): Llama {
  if (opened) {
    if (opened.folder === files.folder) return opened.llama;
    throw new PilotfishError(
      'library-incompatible',
      `llama.cpp is already loaded from ${opened.folder}; one process cannot load ${files.folder} too`,
    );
  }
  const llama = bind(files);
  opened = { folder: files.folder, llama };
  return llama;
}

function bind(files: LibraryFiles): Llama {
  try {
    const ggmlBase = koffi.load(files.ggmlBase, { global: true });
    const ggml = koffi.load(files.ggml, { global: true });
    const library = koffi.load(files.llama, { global: true });
    silence(ggmlBase, library);
    checkVersion(library, files);
    const types: Record<string, TypeObject> = {
      model_params: koffi.struct({ ...modelParamsLayout }),
      context_params: koffi.struct({ ...contextParamsLayout }),
      batch: koffi.struct({ ...batchLayout }),
    };
    const typeOf = (name: string) => types[name] ?? name;
    const entries = Object.entries(signatures).map(([name, [result, args]]) => [
      name,
      library.func(`llama_${name}`, typeOf(result), args.map(typeOf)),
    ]);
    const llama = Object.fromEntries(entries) as Llama;
    checkDefaults(llama, types, files);
    registerBackends(ggml, files);
    return llama;
  } catch (reason) {
    if (reason instanceof PilotfishError) throw reason;
    const detail = reason instanceof Error ? reason.message : String(reason);
    throw new PilotfishError(
      'library-incompatible',
      `the llama.cpp libraries in ${files.folder} do not load: ${detail}`,
      { cause: reason },
    );
  }
}

/**
 * llama.cpp logs to stderr by default. Its log callback is process-wide and may be called from any
 * thread, where JavaScript must not run, so a C function that ignores its arguments takes it;
 * probe.ts reads the log instead.
 */
function silence(ggmlBase: LibraryHandle, library: LibraryHandle): void {
  if (process.env['PILOTFISH_LLAMA_LOG'] === '1') return;
  const ignore = ggmlBase.symbol('ggml_time_us');
  ggmlBase.func('ggml_log_set', 'void', ['void*', 'void*'])(ignore, null);
  library.func('llama_log_set', 'void', ['void*', 'void*'])(ignore, null);
}

function checkVersion(library: LibraryHandle, files: LibraryFiles): void {
  const version: string = library.func('llama_version', 'str', [])();
  if (version === llamaVersion || version.startsWith(`${llamaVersion}-`)) return;
  throw new PilotfishError(
    'library-incompatible',
    `the library in ${files.folder} is llama.cpp ${version}; this build speaks to ${llamaVersion} ` +
      `(@node-llama-cpp packages ${platformPackageVersion})`,
  );
}

/**
 * Defaults that sit at the ends and in the middle of the structs: a moved field cannot read back
 * all of them.
 */
function checkDefaults(llama: Llama, types: Record<string, TypeObject>, files: LibraryFiles): void {
  const model = llama.model_default_params();
  const context = llama.context_default_params();
  const wrong = [
    ['llama_model_params bytes', koffi.sizeof(types['model_params']!), 80],
    ['llama_context_params bytes', koffi.sizeof(types['context_params']!), 160],
    ['n_gpu_layers', model.n_gpu_layers, -1],
    ['main_gpu', model.main_gpu, 0],
    ['use_extra_bufts', model.use_extra_bufts, true],
    ['vocab_only', model.vocab_only, false],
    ['n_ctx', context.n_ctx, 512],
    ['n_batch', context.n_batch, 2048],
    ['n_seq_max', context.n_seq_max, 1],
    ['n_outputs_max_per_seq', context.n_outputs_max_per_seq, 1],
    ['pooling_type', context.pooling_type, -1],
    ['yarn_beta_fast', context.yarn_beta_fast, -1],
    ['type_k', context.type_k, 1],
    ['type_v', context.type_v, 1],
    ['offload_kqv', context.offload_kqv, true],
    ['swa_full', context.swa_full, true],
    ['n_samplers', context.n_samplers, 0],
  ].filter(([, read, expected]) => read !== expected);
  if (wrong.length === 0) return;
  const fields = wrong.map(([name, read, expected]) => `${name} ${read} instead of ${expected}`);
  throw new PilotfishError(
    'library-incompatible',
    `struct defaults of the library in ${files.folder} do not read back: ${fields.join(', ')}`,
  );
}

function registerBackends(ggml: LibraryHandle, files: LibraryFiles): void {
  const countDevices: () => number = ggml.func('ggml_backend_dev_count', 'size_t', []);
  if (countDevices() === 0) {
    ggml.func('ggml_backend_load_all_from_path', 'void', ['str'])(files.folder);
  }
  if (countDevices() === 0) {
    throw new PilotfishError(
      'library-incompatible',
      `no compute backend in ${files.folder} runs here`,
    );
  }
}

/** What is needed to read tensors of a graph while it is computed. */
export interface TensorAccess {
  name(tensor: Pointer): string;
  rowCount(tensor: Pointer): number;
  byteCount(tensor: Pointer): number;
  /** Copies `bytes` of a computed tensor, from byte `at` on, from whatever device has them. */
  read(tensor: Pointer, into: Float32Array, at: number, bytes: number): void;
  /**
   * Makes a `cb_eval` of a function, which must not throw. llama.cpp calls it on the thread that
   * decodes, and only within `decode`; that thread must be the one that registers it.
   */
  registerEval(meet: (tensor: Pointer, ask: boolean) => boolean): Pointer;
  /** Once no context can call it any more. */
  unregisterEval(callback: Pointer): void;
}

let tensorDoor: TensorAccess | null = null;

/**
 * Call after openLlama, in the same thread; the second call in a thread returns the first one's.
 */
export function openTensors(files: LibraryFiles): TensorAccess {
  if (tensorDoor) return tensorDoor;
  const base = koffi.load(files.ggmlBase, { global: true });
  const callback = koffi.pointer(koffi.proto('bool', ['void*', 'bool', 'void*']));
  const rowCount = base.func('ggml_nrows', 'int64', ['void*']);
  const byteCount = base.func('ggml_nbytes', 'size_t', ['void*']);
  tensorDoor = {
    name: base.func('ggml_get_name', 'str', ['void*']),
    rowCount: (tensor) => Number(rowCount(tensor)),
    byteCount: (tensor) => Number(byteCount(tensor)),
    read: base.func('ggml_backend_tensor_get', 'void', ['void*', 'void*', 'size_t', 'size_t']),
    registerEval: (meet) => koffi.register(meet, callback),
    unregisterEval: (pointer) => koffi.unregister(pointer),
  };
  return tensorDoor;
}

/** A compute device that ggml sees. */
export interface ComputeDevice {
  readonly name: string;
  readonly description: string;
  readonly kind: 'cpu' | 'gpu' | 'other';
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** All devices of the registered backends; call after openLlama. */
export function computeDevices(files: LibraryFiles): ComputeDevice[] {
  const base = koffi.load(files.ggmlBase, { global: true });
  const ggml = koffi.load(files.ggml, { global: true });
  const count: number = ggml.func('ggml_backend_dev_count', 'size_t', [])();
  const get = ggml.func('ggml_backend_dev_get', 'void*', ['size_t']);
  const name = base.func('ggml_backend_dev_name', 'str', ['void*']);
  const description = base.func('ggml_backend_dev_description', 'str', ['void*']);
  const kind = base.func('ggml_backend_dev_type', 'int32', ['void*']);
  const memory = base.func('ggml_backend_dev_memory', 'void', ['void*', 'void*', 'void*']);
  return Array.from({ length: count }, (_, index) => {
    const device: Pointer = get(index);
    const free = new BigUint64Array(1);
    const total = new BigUint64Array(1);
    memory(device, free, total);
    return {
      name: name(device),
      description: description(device),
      kind: (['cpu', 'gpu', 'gpu'] as const)[kind(device) as number] ?? 'other',
      totalBytes: Number(total[0]),
      freeBytes: Number(free[0]),
    };
  });
}

/** Views `bytes` of native memory; valid while the owner keeps it. */
export function viewMemory(pointer: Pointer, bytes: number): ArrayBuffer {
  return koffi.view(pointer, bytes);
}
