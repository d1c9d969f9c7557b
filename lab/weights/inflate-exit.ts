// Makes an exit head for an inflated target (inflate.ts) from a head of its source: the same
// guesses, at the cost that a head of the larger model has. Never changes what its weights compute.

import { float32Value, textValue, uint32Value } from '../../src/engine/gguf/encode.js';
import {
  checkExitFile,
  exitTensorDims,
  vocabularyDigest,
} from '../../src/engine/gguf/exit-file.js';
import { exitOutputOf } from '../../src/engine/gguf/exit-model.js';
import { type GgufHeader, type GgufTensor, tensorBytes } from '../../src/engine/gguf/format.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { readGguf } from '../../src/engine/gguf/reader.js';
import { readTensor } from '../../src/engine/gguf/tensor-data.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/writer.js';

/**
 * Where the stream behind `layer` of `real` blocks is found among `all`, real ones spread as
 * `inflate` spreads them.
 */
export const inflatedLayer = (layer: number, real: number, all: number): number =>
  Math.ceil((layer * all) / real);

/**
 * Writes the head to `path`. The stream of the larger model has zeros where the source's has
 * nothing: matrices get zeros for them, and norms are divided by sqrt(wider) as in `inflate`. The
 * last norm ends as the target's own does, for the tokens that only the larger model has.
 *
 * @param headPath of the source of the target.
 * @param targetPath written by `inflate`, placement `spread`.
 * @throws PilotfishError those of `checkExitFile`, `checkModelFile` and `writeGguf`.
 */
export function inflateExit(headPath: string, targetPath: string, path: string): void {
  const head = checkExitFile(headPath);
  const facts = checkModelFile(targetPath);
  const target = readGguf(targetPath);
  const { embeddingLength: width, blockCount } = facts;
  const dims = exitTensorDims(width, head.feedForwardLength);
  const ownNorm = readTensor(target, exitOutputOf(target, facts).norm);
  const metadata = new Map(head.header.metadata);
  metadata.set('general.name', textValue(`${head.name} (inflated, for benchmarks)`));
  metadata.set(
    'exit.layer',
    uint32Value(inflatedLayer(head.layer, head.targetBlockCount, blockCount)),
  );
  metadata.set('exit.target_block_count', uint32Value(blockCount));
  metadata.set('exit.embedding_length', uint32Value(width));
  metadata.set('exit.vocabulary_sha256', textValue(vocabularyDigest(target)!));
  metadata.set('exit.sharpness', float32Value(head.sharpness));
  const tensors = head.header.tensors.map((tensor): TensorSource => {
    const to = dims[tensor.name]!;
    const end = tensor.name === 'exit.output_norm.weight' ? ownNorm : Buffer.alloc(4 * width);
    const pieces = () =>
      to.length === 1 ? [grownNorm(head.header, tensor, end)] : grownRows(head.header, tensor, to);
    return { name: tensor.name, type: tensor.type, dims: to, pieces };
  });
  writeGguf(path, metadata, tensors);
}

/** @param end float32 [width] whose numbers beyond the norm's own are taken over. */
function grownNorm(header: GgufHeader, tensor: GgufTensor, end: Buffer): Buffer {
  const data = readTensor(header, tensor);
  const grown = Buffer.from(end);
  const scale = Math.sqrt(data.length / end.length);
  for (let at = 0; at < data.length; at += 4) grown.writeFloatLE(data.readFloatLE(at) * scale, at);
  return grown;
}

function* grownRows(header: GgufHeader, tensor: GgufTensor, to: readonly number[]) {
  const data = readTensor(header, tensor);
  const rowBytes = tensorBytes(tensor.type, [tensor.dims[0]!]);
  const row = Buffer.alloc(tensorBytes(tensor.type, [to[0]!]));
  for (let index = 0; index < to[1]!; index++) {
    row.fill(0);
    row.set(data.subarray(index * rowBytes, (index + 1) * rowBytes));
    yield row;
  }
}
