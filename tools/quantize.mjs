// Quantises a GGUF model with llama.cpp's own quantiser, which reads and writes the whole file itself.
// Never writes over its input, never quantises twice (errors would add up), leaves no half-written file behind.
// Usage: node tools/quantize.mjs IN.gguf OUT.gguf TYPE [THREADS]      (after `npm run build`)
//   TYPE     one of the list below; q8_0, q4_0 and the like need rows of 32, K types rows of 256
//   THREADS  default 1
// Source: llama_model_quantize in include/llama.h of llama.cpp 0.5.0.

import { renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import koffi from 'koffi';
import { PilotfishError } from '../dist/src/base/error.js';
import { checkModelFile } from '../dist/src/engine/gguf/model-file.js';
import { openLlama } from '../dist/src/engine/llama/ffi/llama.js';
import { findLibrary } from '../dist/src/engine/llama/library.js';

/** enum llama_ftype */
const fileTypes = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q4_1: 3,
  q8_0: 7,
  q5_0: 8,
  q5_1: 9,
  q2_k: 10,
  q3_k_s: 11,
  q3_k_m: 12,
  q3_k_l: 13,
  q4_k_s: 14,
  q4_k_m: 15,
  q5_k_s: 16,
  q5_k_m: 17,
  q6_k: 18,
  iq4_nl: 25,
  iq4_xs: 30,
  bf16: 32,
};

const paramsLayout = {
  nthread: 'int32',
  ftype: 'int32',
  output_tensor_type: 'int32',
  token_embedding_type: 'int32',
  allow_requantize: 'bool',
  quantize_output_tensor: 'bool',
  only_copy: 'bool',
  pure: 'bool',
  keep_split: 'bool',
  dry_run: 'bool',
  imatrix: 'void*',
  kv_overrides: 'void*',
  tt_overrides: 'void*',
  prune_layers: 'void*',
  max_buf_size: 'size_t',
};

/**
 * The quantiser of the libraries that the engine uses; the engine's own loader checks their version.
 *
 * @returns (input, output, ftype, threads) -> status, 0 for success.
 */
function openQuantiser() {
  const files = findLibrary();
  openLlama(files);
  const library = koffi.load(files.llama);
  const params = koffi.struct(paramsLayout);
  const defaults = library.func('llama_model_quantize_default_params', params, [])();
  checkDefaults(defaults);
  const types = ['str', 'str', koffi.pointer(params)];
  const quantize = library.func('llama_model_quantize', 'uint32', types);
  return (input, output, ftype, nthread) =>
    quantize(input, output, { ...defaults, ftype, nthread });
}

/** A field that moved would not read back the start, the middle and the end of the struct. */
function checkDefaults({ ftype, quantize_output_tensor, only_copy, pure, dry_run, max_buf_size }) {
  const plain = quantize_output_tensor && !only_copy && !pure && !dry_run;
  if (plain && ftype === fileTypes.q8_0 && max_buf_size === 8 * 2 ** 30) return;
  throw new PilotfishError(
    'library-incompatible',
    'llama_model_quantize_params does not read back as llama.cpp 0.5.0 defines it',
  );
}

/** @throws PilotfishError `usage` */
function readArguments([input, output, type = '', threads = '1']) {
  const fileType = fileTypes[type.toLowerCase()];
  if (!output || fileType === undefined || !/^[1-9]\d{0,2}$/.test(threads)) {
    const types = Object.keys(fileTypes).join(' ');
    throw new PilotfishError(
      'usage',
      `node tools/quantize.mjs IN.gguf OUT.gguf TYPE [THREADS]\ntypes: ${types}`,
    );
  }
  if (resolve(input) === resolve(output)) {
    throw new PilotfishError('usage', `input and output are one file: ${input}`);
  }
  return { input, output, fileType, threads: Number(threads) };
}

/** @throws PilotfishError `usage`, any code of `checkModelFile`, `library-*`, or `engine-failed`. */
function quantise({ input, output, fileType, threads }) {
  const before = checkModelFile(input);
  if (!['F32', 'F16', 'BF16'].includes(before.quantisation)) {
    throw new PilotfishError('usage', `${input} is ${before.quantisation}; start from F32 or F16`);
  }
  const quantize = openQuantiser();
  const unfinished = `${output}.unfinished`;
  try {
    const status = quantize(input, unfinished, fileType, threads);
    if (status !== 0) {
      throw new PilotfishError(
        'engine-failed',
        `llama_model_quantize returned ${status} for ${input}; PILOTFISH_LLAMA_LOG=1 shows its log`,
      );
    }
    const after = checkModelFile(unfinished);
    renameSync(unfinished, output);
    const share = ((100 * after.fileBytes) / before.fileBytes).toFixed(1);
    console.log(`${output}: ${after.quantisation}, ${after.fileBytes} bytes, ${share} % of before`);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

try {
  quantise(readArguments(process.argv.slice(2)));
} catch (reason) {
  if (!(reason instanceof PilotfishError)) throw reason;
  console.error(`${reason.code}: ${reason.message}`);
  process.exitCode = reason.entry.exitCode;
}
