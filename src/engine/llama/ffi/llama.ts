// Opens llama.cpp's C API through koffi. Declares the symbols this project uses, and refuses a
// library whose version or struct defaults are not those it was written for. This folder alone
// imports koffi. Source: include/llama.h of llama.cpp 0.5.0.

import { promisify } from 'node:util';
import koffi, { type KoffiFunc, type LibraryHandle, type TypeObject } from 'koffi';
import { PilotfishError } from '../../../base/error.js';
import { type LibraryFiles, llamaVersion, platformPackageVersion } from '../library.js';
import {
  batchLayout,
  type ContextParams,
  contextParamsLayout,
  type ModelParams,
  modelParamsLayout,
  type NativeBatch,
  type Pointer,
} from './structs.js';

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
  /** Both pools may be the same; null for the batch takes the first for prompts too. */
  attach_threadpool(context: Pointer, pool: Pointer, batchPool: Pointer | null): void;
  detach_threadpool(context: Pointer): void;
  n_ctx_seq(context: Pointer): number;
  model_get_vocab(model: Pointer): Pointer;
  /** Numbers of an embedding that a batch takes in place of an id. */
  model_n_embd_inp(model: Pointer): number;
  /** Tokens of the window that some blocks attend to; 0: none. */
  model_n_swa(model: Pointer): number;
  /** LLAMA_ROPE_TYPE_* */
  model_rope_type(model: Pointer): number;
  model_has_encoder(model: Pointer): boolean;
  model_has_decoder(model: Pointer): boolean;
  model_is_recurrent(model: Pointer): boolean;
  model_is_hybrid(model: Pointer): boolean;
  model_is_diffusion(model: Pointer): boolean;
  get_memory(context: Pointer): Pointer;
  /** Least position that a sequence has in all caches of the model; -1: none. */
  memory_seq_pos_min(memory: Pointer, slot: number): number;
  memory_seq_rm(memory: Pointer, slot: number, from: number, to: number): boolean;
  memory_seq_cp(memory: Pointer, source: number, target: number, from: number, to: number): void;
  state_seq_get_size(context: Pointer, slot: number): number;
  state_seq_get_data(context: Pointer, out: Uint8Array, bytes: number, slot: number): number;
  state_seq_set_data(context: Pointer, data: Uint8Array, bytes: number, slot: number): number;
  batch_init(tokens: number, embd: number, sequences: number): NativeBatch;
  batch_free(batch: NativeBatch): void;
  decode(context: Pointer, batch: NativeBatch): number;
  /** False: tokens of a batch attend to each other in both directions. */
  set_causal_attn(context: Pointer, isCausal: boolean): void;
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
  /** As `tokenize`, on a thread of koffi's. The caller keeps `text` and `out` until it is done. */
  tokenizeAside(...args: Parameters<Llama['tokenize']>): Promise<number>;
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
const signatures: Record<
  Exclude<keyof Llama, 'tokenizeAside'>,
  [result: string, args: readonly string[]]
> = {
  model_default_params: ['model_params', []],
  context_default_params: ['context_params', []],
  model_load_from_file: ['void*', ['str', 'model_params']],
  model_free: ['void', ['void*']],
  init_from_model: ['void*', ['void*', 'context_params']],
  free: ['void', ['void*']],
  attach_threadpool: ['void', ['void*', 'void*', 'void*']],
  detach_threadpool: ['void', ['void*']],
  n_ctx_seq: ['uint32', ['void*']],
  model_get_vocab: ['void*', ['void*']],
  model_n_embd_inp: ['int32', ['void*']],
  model_n_swa: ['int32', ['void*']],
  model_rope_type: ['int32', ['void*']],
  model_has_encoder: ['bool', ['void*']],
  model_has_decoder: ['bool', ['void*']],
  model_is_recurrent: ['bool', ['void*']],
  model_is_hybrid: ['bool', ['void*']],
  model_is_diffusion: ['bool', ['void*']],
  get_memory: ['void*', ['void*']],
  memory_seq_pos_min: ['int32', ['void*', 'int32']],
  memory_seq_rm: ['bool', ['void*', 'int32', 'int32', 'int32']],
  memory_seq_cp: ['void', ['void*', 'int32', 'int32', 'int32', 'int32']],
  state_seq_get_size: ['size_t', ['void*', 'int32']],
  state_seq_get_data: ['size_t', ['void*', 'void*', 'size_t', 'int32']],
  state_seq_set_data: ['size_t', ['void*', 'void*', 'size_t', 'int32']],
  batch_init: ['batch', ['int32', 'int32', 'int32']],
  batch_free: ['void', ['batch']],
  decode: ['int32', ['void*', 'batch']],
  get_logits: ['void*', ['void*']],
  set_causal_attn: ['void', ['void*', 'bool']],
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

/** The same call on a thread of koffi's. */
function aside<Args extends unknown[]>(call: KoffiFunc<(...args: Args) => number>) {
  return promisify((...args: [...Args, (error: unknown, result: number) => void]) =>
    call.async(...(args as Parameters<typeof call.async>)),
  ) as (...args: Args) => Promise<number>;
}

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
    const functions = Object.fromEntries(entries) as Omit<Llama, 'tokenize'> & {
      readonly tokenize: KoffiFunc<Llama['tokenize']>;
    };
    const llama: Llama = { ...functions, tokenizeAside: aside(functions.tokenize) };
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
