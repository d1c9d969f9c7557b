// Writes a complete one-block llama model for an early exit, which llama.cpp computes on rows of
// the target's hidden stream. It holds the exit's own block (or one that adds nothing), its norm
// (or the target's), and the target's output matrix copied byte for byte. The architecture demands
// attention; here it adds zero.

import { PilotfishError } from '../../base/error.js';
import { float32Value, textValue, uint32Value } from './encode.js';
import { type ExitFacts, exitTensorDims } from './exit-file.js';
import { type GgufHeader, type GgufTensor, type GgufValue, tensorBytes } from './format.js';
import { optionalFloat } from './metadata.js';
import type { ModelFacts } from './model-file.js';
import { readTensor } from './tensor-data.js';
import { type TensorSource, writeGguf } from './writer.js';

/** The smallest head size that every backend's attention kernels support. */
const headLength = 64;
/** Feed-forward length of a block that adds nothing. */
const idleFeedForwardLength = 32;

/** The tensors of the target that an exit ends with. */
export interface ExitOutput {
  readonly norm: GgufTensor;
  readonly output: GgufTensor;
  readonly epsilon: number;
}

/**
 * @throws PilotfishError `model-unsupported` for a target whose logits are not output *
 *   RMSNorm(stream): an exit cannot end like such a target.
 */
export function exitOutputOf(header: GgufHeader, { architecture }: ModelFacts): ExitOutput {
  const find = (name: string) => header.tensors.find((tensor) => tensor.name === name);
  const norm = find('output_norm.weight');
  const output = find('output.weight') ?? find('token_embd.weight');
  const epsilonKey = `${architecture}.attention.layer_norm_rms_epsilon`;
  const epsilon = optionalFloat(header.metadata, epsilonKey, { min: 0, max: 1 });
  const unlike = ['output.bias', 'output_norm.bias', 'output.scale'].find(find);
  const scaled = ['logit_scale', 'final_logit_softcapping']
    .map((key) => `${architecture}.${key}`)
    .find((key) => header.metadata.has(key));
  if (norm && output && epsilon !== null && !unlike && !scaled) return { norm, output, epsilon };
  const why = unlike ?? scaled ?? (norm && output ? epsilonKey : 'output_norm.weight');
  throw new PilotfishError(
    'model-unsupported',
    `${header.path}: no early exit ends like this model, because of ${why}`,
  );
}

/**
 * Writes the model to `path`.
 *
 * @param exit null for the logit lens: the target's own norm and output on the unchanged stream.
 * @returns bytes written: about the size of the target's output matrix.
 * @throws PilotfishError `model-unsupported` as `exitOutputOf`; those of `readTensor` and
 *   `writeGguf`.
 */
export function writeExitModel(
  path: string,
  target: GgufHeader,
  facts: ModelFacts,
  exit: ExitFacts | null,
): number {
  const end = exitOutputOf(target, facts);
  const width = facts.embeddingLength;
  const feedForward = exit?.feedForwardLength ?? idleFeedForwardLength;
  const own = exitTensorDims(width, feedForward);
  const fromExit = (name: string, stored: string): TensorSource =>
    exit
      ? copied(exit.header, exit.header.tensors.find((tensor) => tensor.name === stored)!, name)
      : filled(name, own[stored]!, own[stored]!.length === 1 ? 1 : 0);
  return writeGguf(path, metadataOf(width, feedForward, facts.vocabSize, end.epsilon), [
    // Also used as output: llama.cpp reads the embedding if a file has no output matrix.
    copied(target, end.output, 'token_embd.weight'),
    filled('blk.0.attn_norm.weight', [width], 1),
    filled('blk.0.attn_q.weight', [width, headLength], 0),
    filled('blk.0.attn_k.weight', [width, headLength], 0),
    filled('blk.0.attn_v.weight', [width, headLength], 0),
    filled('blk.0.attn_output.weight', [headLength, width], 0),
    fromExit('blk.0.ffn_norm.weight', 'exit.ffn_norm.weight'),
    fromExit('blk.0.ffn_gate.weight', 'exit.ffn_gate.weight'),
    fromExit('blk.0.ffn_up.weight', 'exit.ffn_up.weight'),
    fromExit('blk.0.ffn_down.weight', 'exit.ffn_down.weight'),
    exit
      ? fromExit('output_norm.weight', 'exit.output_norm.weight')
      : copied(target, end.norm, 'output_norm.weight'),
  ]);
}

function metadataOf(
  width: number,
  feedForward: number,
  vocabSize: number,
  epsilon: number,
): Map<string, GgufValue> {
  const numbers = {
    vocab_size: vocabSize,
    context_length: 2 ** 16,
    embedding_length: width,
    block_count: 1,
    feed_forward_length: feedForward,
    'attention.head_count': 1,
    'attention.head_count_kv': 1,
    'attention.key_length': headLength,
    'attention.value_length': headLength,
    'rope.dimension_count': headLength,
  };
  return new Map<string, GgufValue>([
    ['general.architecture', textValue('llama')],
    ['general.name', textValue('early exit')],
    ...Object.entries(numbers).map(
      ([key, value]) => [`llama.${key}`, uint32Value(value)] as [string, GgufValue],
    ),
    ['llama.attention.layer_norm_rms_epsilon', float32Value(epsilon)],
    ['tokenizer.ggml.model', textValue('no_vocab')],
  ]);
}

const copied = (header: GgufHeader, tensor: GgufTensor, name: string): TensorSource => ({
  name,
  dims: tensor.dims,
  type: tensor.type,
  pieces: () => [readTensor(header, tensor)],
});

/** F32 for a vector, F16 for a matrix. @param value 0 or 1. */
function filled(name: string, dims: readonly number[], value: 0 | 1): TensorSource {
  const type = dims.length === 1 ? 'F32' : 'F16';
  const pieces = () => {
    const numbers = dims.reduce((product, dim) => product * dim, 1);
    const data = type === 'F32' ? new Float32Array(numbers).fill(value) : null;
    return [data ? new Uint8Array(data.buffer) : new Uint8Array(tensorBytes(type, dims))];
  };
  return { name, dims, type, pieces };
}
