// Makes an exit head for an inflated target (inflate.ts) from a head of its source: the same
// guesses, at the cost that a head of the larger model has. Never changes what its weights compute.

import { float32Value, textValue, uint32Value } from '../../src/engine/gguf/encode.js';
import {
  checkExitFile,
  exitTensorDims,
  vocabularyDigest,
} from '../../src/engine/gguf/exit-file.js';
import { exitOutputOf } from '../../src/engine/gguf/exit-model.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { readGguf } from '../../src/engine/gguf/reader.js';
import { readTensor } from '../../src/engine/gguf/tensor-data.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/writer.js';
import { grownNorm, grownRows } from './inflate.js';

/**
 * Writes the head to `path`: matrices get zeros for what is new, norms are divided by sqrt(wider),
 * the last norm ends as the target's own does, for its new tokens.
 *
 * @param headPath of the target's source. @param targetPath written by `inflate`, spread.
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
  // Where `inflate` has put the block that the head reads behind.
  const layer = Math.ceil((head.layer * blockCount) / head.targetBlockCount);
  metadata.set('general.name', textValue(`${head.name} (inflated, for benchmarks)`));
  metadata.set('exit.layer', uint32Value(layer));
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
