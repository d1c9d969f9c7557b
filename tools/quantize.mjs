// Quantises a GGUF model with llama.cpp's own quantiser, from the libraries this package runs on.
// Usage: node tools/quantize.mjs <in.gguf> <out.gguf> <type> [threads]     (after `npm run build`)
//   type     q8_0, q6_k, q5_k_m, q4_k_m, q4_0, ... as listed below; q8_0 needs rows of 32, K types rows of 256
//   threads  default 1
// Quantise from F32, F16 or BF16: a quantised input is refused, because errors would add up.

import { renameSync, rmSync } from 'node:fs';
import koffi from 'koffi';
import { checkModelFile } from '../dist/engine/gguf/model-file.js';
import { findLibrary, llamaVersion } from '../dist/engine/llama/library.js';

/** LLAMA_FTYPE_* of llama.h. */
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

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

function fail(message) {
  console.error(message);
  process.exit(1);
}

function openQuantiser() {
  const files = findLibrary();
  koffi.load(files.ggmlBase, { global: true });
  koffi.load(files.ggml, { global: true }).func('ggml_backend_load_all_from_path', 'void', ['str'])(
    files.folder,
  );
  const library = koffi.load(files.llama, { global: true });
  const version = library.func('llama_version', 'str', [])();
  if (version !== llamaVersion && !version.startsWith(`${llamaVersion}-`))
    fail(`llama.cpp ${version}, this tool speaks to ${llamaVersion}`);
  const params = koffi.struct('quantize_params', paramsLayout);
  const defaults = library.func('llama_model_quantize_default_params', params, [])();
  // A field that moved would not read back both ends of the struct.
  const layoutHolds =
    defaults.ftype === fileTypes.q8_0 &&
    defaults.quantize_output_tensor &&
    !defaults.dry_run &&
    defaults.max_buf_size === 8 * 2 ** 30;
  if (!layoutHolds) fail(`unexpected defaults of the quantiser: ${JSON.stringify(defaults)}`);
  const quantise = library.func('llama_model_quantize', 'uint32', [
    'str',
    'str',
    'quantize_params*',
  ]);
  return { defaults, quantise };
}

const [source, target, typeName = '', threads = '1'] = process.argv.slice(2);
const fileType = fileTypes[typeName.toLowerCase()];
if (!source || !target || fileType === undefined || !/^[1-9]\d*$/.test(threads)) {
  const names = Object.keys(fileTypes).join(' ');
  fail(`usage: node tools/quantize.mjs <in.gguf> <out.gguf> <type> [threads]\ntypes: ${names}`);
}

const before = checkModelFile(source);
const { defaults, quantise } = openQuantiser();
const partial = `${target}.partial`;
const status = quantise(source, partial, {
  ...defaults,
  ftype: fileType,
  nthread: Number(threads),
});
if (status !== 0) {
  rmSync(partial, { force: true });
  fail(`llama.cpp could not quantise ${source} (status ${status}); its log above says why`);
}
renameSync(partial, target);
const after = checkModelFile(target);
const share = ((100 * after.fileBytes) / before.fileBytes).toFixed(1);
console.log(
  `${target}: ${after.quantisation}, ${mebibytes(after.fileBytes)}, ${share} % of ${mebibytes(before.fileBytes)} (${before.quantisation})`,
);
