// Copies a model with its float16 weights as float32: the same numbers at twice the bytes. On a CPU
// that makes its passes bound by memory, as those of large models on GPUs are.

import { uint32Value } from '../../src/engine/gguf/encode.js';
import type { GgufHeader, GgufTensor } from '../../src/engine/gguf/format.js';
import { readGguf } from '../../src/engine/gguf/reader.js';
import { readTensor } from '../../src/engine/gguf/tensor-data.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/writer.js';

/** LLAMA_FTYPE_ALL_F32 */
const allFloat32 = 0;

/** @throws PilotfishError those of `readGguf` and `writeGguf`. */
export function widenWeights(sourcePath: string, targetPath: string): void {
  const header = readGguf(sourcePath);
  const metadata = new Map(header.metadata);
  metadata.set('general.file_type', uint32Value(allFloat32));
  writeGguf(
    targetPath,
    metadata,
    header.tensors.map((tensor) => widened(header, tensor)),
  );
}

function widened(header: GgufHeader, tensor: GgufTensor): TensorSource {
  const { name, dims } = tensor;
  const pieces = (): Iterable<Uint8Array> => {
    const data = readTensor(header, tensor);
    return [tensor.type === 'F16' ? bytesOf(float32Of(data)) : data];
  };
  return { name, dims, type: tensor.type === 'F16' ? 'F32' : tensor.type, pieces };
}

const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer);

function float32Of(data: Uint8Array): Float32Array {
  const halves = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return Float32Array.from(halves, (half) => halfValues[half]!);
}

/** [65536] value of each float16 by its bits (IEEE 754 binary16). */
const halfValues = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});
