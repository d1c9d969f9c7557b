// Loads a llama.cpp model and starts its context: from options to the structs of llama.h. Owns
// nothing: the caller frees what comes back.

import { PilotfishError } from '../../base/error.js';
import type { Llama } from './ffi/llama.js';
import type { ContextParams, Pointer } from './ffi/structs.js';
import { cacheTypes, flashAttentionNumber, type ResolvedOptions } from './options.js';

/** LLAMA_LOAD_MODE_NONE */
const loadModeNone = 0;

/**
 * How weights come into memory: mapped from the file, copied so that the file may go, or not at
 * all.
 */
export type Weights = 'mapped' | 'copied' | 'absent';

/**
 * Loads the file, which `checkModelFile` has accepted.
 *
 * @throws PilotfishError `engine-failed` when llama.cpp refuses the file.
 */
export function loadModel(llama: Llama, options: ResolvedOptions, weights: Weights): Pointer {
  const params = llama.model_default_params();
  params.n_gpu_layers = options.gpuLayers;
  params.no_alloc = weights === 'absent';
  if (weights !== 'mapped') params.load_mode = loadModeNone; // llama.cpp asserts it where weights are absent.
  const model = llama.model_load_from_file(options.modelPath, params);
  if (model === null) {
    throw new PilotfishError('engine-failed', `llama.cpp cannot load ${options.modelPath}`);
  }
  return model;
}

/** In deterministic mode one token more for each slot, which keeps a lone token or row company. */
export const dummyCount = (options: ResolvedOptions): number => (options.deterministic ? 1 : 0);

/**
 * @param evalCallback of ExitTap; null and none is set, which is what a model without an early exit
 * has.
 */
export function contextParams(
  llama: Llama,
  options: ResolvedOptions,
  evalCallback: Pointer | null,
): ContextParams {
  const params = llama.context_default_params();
  const batchTokens = options.passTokensMax + dummyCount(options);
  params.n_ctx = options.slotCount * (options.contextLength + dummyCount(options));
  params.n_batch = batchTokens;
  params.n_ubatch = batchTokens; // One physical batch a pass: a remainder of one token would round differently.
  params.n_seq_max = options.slotCount;
  // llama.cpp keeps room for a row of every sequence, and aborts where it may not.
  params.n_outputs_max = Math.max(options.passRowsMax + dummyCount(options), params.n_seq_max);
  params.n_outputs_max_per_seq = 0; // 0 lifts the limit of one row of logits per sequence.
  params.n_threads = options.threads;
  params.n_threads_batch = options.batchThreads;
  params.flash_attn_type = flashAttentionNumber(options.flashAttention);
  params.type_k = cacheTypes[options.cacheTypeK];
  params.type_v = cacheTypes[options.cacheTypeV];
  params.kv_unified = options.unifiedCache;
  params.no_perf = true;
  params.cb_eval = evalCallback;
  return params;
}

/** LLAMA_ROPE_TYPE_MROPE and LLAMA_ROPE_TYPE_IMROPE */
const gridRopes: readonly number[] = [8, 40];

/** Whether an embedding in a batch of the model has a time, a row and a column (M-RoPE). */
export const takesGrids = (llama: Llama, model: Pointer): boolean =>
  gridRopes.includes(llama.model_rope_type(model));

/** Refuses models whose cache cannot be rolled back or that do not write text token by token. */
export function checkModelKind(llama: Llama, model: Pointer, path: string): void {
  const fault = [
    [!llama.model_has_decoder(model), 'has no decoder'],
    [llama.model_has_encoder(model), 'has an encoder'],
    [llama.model_is_diffusion(model), 'is a diffusion model'],
    [
      llama.model_is_recurrent(model),
      'keeps recurrent state, which cannot be rolled back by tokens',
    ],
    [
      llama.model_is_hybrid(model),
      'keeps recurrent state in some layers, which cannot be rolled back by tokens',
    ],
  ].find(([broken]) => broken);
  if (fault) throw new PilotfishError('model-unsupported', `the model in ${path} ${fault[1]}`);
}

/**
 * The model's context; where none can be had the model is freed, since a thread that ends frees
 * nothing native.
 */
export function startContext(
  llama: Llama,
  model: Pointer,
  options: ResolvedOptions,
  evalCallback: Pointer | null,
): Pointer {
  try {
    checkModelKind(llama, model, options.modelPath);
    const context = llama.init_from_model(model, contextParams(llama, options, evalCallback));
    if (context !== null) return context;
    throw new PilotfishError(
      'context-too-large',
      `no memory for ${options.slotCount} slots of ${options.contextLength} tokens`,
    );
  } catch (reason) {
    llama.model_free(model);
    throw reason;
  }
}
