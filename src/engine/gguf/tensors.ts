// Checks the tensor list against the model's sizes and the types that llama.cpp can compute with.
// Never reads tensor data. Source: create_tensor and the operators of llama.cpp v0.5.0, tried one
// type at a time.

import type { GgufTensor, TensorType } from './format.js';
import { demand, quoted, refuseModel } from './model-error.js';
import type { ModelShape } from './shape.js';

/** Types for intermediate results, and numbers that are not weights. */
const notWeights = new Set<TensorType>(['Q8_1', 'Q8_K', 'I8', 'I16', 'I32', 'I64', 'F64']);

/** @throws PilotfishError `model-malformed` or `model-unsupported`, naming the tensor. */
export function checkTensors(
  tensors: readonly GgufTensor[],
  shape: ModelShape,
  vocabSize: number,
): void {
  if (tensors.length === 0) {
    refuseModel('model-unsupported', 'the file has no tensors: it holds a vocabulary, not a model');
  }
  checkEmbedding(tensors, shape, vocabSize);
  for (const tensor of tensors) {
    checkType(tensor);
    checkBlock(tensor, shape.blockCount);
  }
  checkScales(tensors);
}

function checkEmbedding(
  tensors: readonly GgufTensor[],
  { embeddingLength }: ModelShape,
  vocabSize: number,
): void {
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight');
  demand(embedding !== undefined, 'tensor token_embd.weight is missing');
  const [columns, rows = 1] = embedding.dims;
  demand(
    columns === embeddingLength,
    `token_embd.weight has rows of ${columns}, embedding_length is ${embeddingLength}`,
  );
  demand(
    rows === vocabSize,
    `token_embd.weight has ${rows} rows for ${vocabSize} tokens of the tokenizer`,
  );
}

/** Token ids that pick an expert, in the only model that has such a table. */
const isTable = /\.ffn_gate_tid2eid\./;
/** The gate of a shared expert: a matrix of one row, often stored as a vector. */
const isGate = /\.ffn_gate_inp_shexp\./;
/** Tensors added or multiplied element by element; these operators take F32 only. */
const isElementwise = /(norm\.weight|\.bias)$/;

function checkType({ name, dims, type }: GgufTensor): void {
  const isVector = dims.slice(1).every((dim) => dim === 1) && !isGate.test(name);
  if (isVector || isElementwise.test(name)) {
    const kind = isVector ? 'a vector' : 'a norm or a bias';
    demand(type === 'F32', `tensor ${quoted(name)} is ${kind} of type ${type}, must be F32`);
  } else if (!isTable.test(name)) {
    demand(!notWeights.has(type), `tensor ${quoted(name)} has type ${type}, not a type of weights`);
  }
}

function checkBlock({ name }: GgufTensor, blockCount: number): void {
  const block = /^blk\.(\d+)\./.exec(name)?.[1];
  demand(
    block === undefined || Number(block) < blockCount,
    `tensor ${quoted(name)} belongs to none of ${blockCount} blocks`,
  );
}

/**
 * NVFP4 weights come with a scale beside them; llama.cpp asserts that it has no bias and no shared
 * embedding.
 */
function checkScales(tensors: readonly GgufTensor[]): void {
  const typeOf = new Map(tensors.map(({ name, type }) => [name, type]));
  const has = (...names: string[]) => names.some((name) => typeOf.has(name));
  for (const { name, type } of tensors) {
    if (type !== 'NVFP4' || !name.endsWith('.weight')) continue;
    const part = name.slice(0, -'.weight'.length);
    demand(
      !has(`${part}.bias`) || !has(`${part}.scale`),
      `tensor ${quoted(name)} of type NVFP4 has a scale and a bias`,
    );
  }
  const tied = typeOf.get('token_embd.weight') === 'NVFP4' && !has('output.weight');
  demand(
    !tied || !has('output.scale', 'output.input_scale'),
    'token_embd.weight of type NVFP4 serves as output too, but the output has scales of its own',
  );
}
