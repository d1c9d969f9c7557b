// Defines the structs of llama.cpp's C API that are passed by value, field by field, as koffi needs
// them. Source: include/llama.h of llama.cpp 0.5.0.

/** A native address; shared between threads of one process as a number. */
export type Pointer = bigint;

export const modelParamsLayout = {
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

export const contextParamsLayout = {
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

export const batchLayout = {
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
