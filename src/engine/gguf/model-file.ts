// Checks model files before llama.cpp opens them: reports their content, or refuses those on which
// llama.cpp would end the process only when it computes. The probe of src/engine/llama finds those
// on which it fails while it loads.

import { basename } from 'node:path';
import { architectureOf } from './architectures.js';
import { type GgufHeader, type GgufTensor, tensorTypes, weightCount } from './format.js';
import { type Metadata, optionalText, requiredText } from './metadata.js';
import { naming, refuseModel } from './model-error.js';
import { readGguf } from './reader.js';
import { type ModelShape, modelShapeOf } from './shape.js';
import { holdSame } from './tensor-data.js';
import { checkTensors } from './tensors.js';
import { tokenizerOf } from './tokenizer.js';

/** The content of a model file. Lengths are counts of numbers, sizes are bytes. */
export interface ModelFacts {
  readonly path: string;
  readonly architecture: string;
  /** `general.name`, or the name of the file. */
  readonly name: string;
  readonly vocabSize: number;
  /** Longest context that the model was trained for, in tokens. */
  readonly contextLength: number;
  readonly blockCount: number;
  readonly embeddingLength: number;
  /** Of a token of an image. */
  readonly imageWidth: number;
  /** Of the widest block; null if the file does not tell. */
  readonly feedForwardLength: number | null;
  /** Largest over the blocks. */
  readonly headCount: number;
  readonly headCountKv: number;
  /** 0 for a dense model. */
  readonly expertCount: number;
  /** Learned numbers. An output matrix equal to the embedding counts once. */
  readonly parameterCount: number;
  readonly tensorBytes: number;
  readonly fileBytes: number;
  /** Before the weights. */
  readonly headerBytes: number;
  /** `tokenizer.ggml.model`. */
  readonly tokenizerModel: string;
  /** Jinja template, or null. */
  readonly chatTemplate: string | null;
  /** The type that holds most of the weights, such as Q4_K or F16. */
  readonly quantisation: string;
  /**
   * Bytes of cache for one token of one sequence, an upper bound if some blocks attend to a window
   * only. Null if Q8_0 does not support the head size.
   */
  readonly kvBytesPerToken: { readonly f16: number; readonly q8_0: number | null };
}

/**
 * Reads and checks the model file at `path` without loading it.
 *
 * @throws PilotfishError as `readGguf`; and `model-malformed` for metadata or tensors that are
 *   missing, contradict each other or lie outside sane bounds, `model-unsupported` for a model that
 *   cannot be draft or target.
 */
export function checkModelFile(path: string): ModelFacts {
  const header = readGguf(path);
  return naming(path, () => modelFactsOf(header));
}

function modelFactsOf(header: GgufHeader): ModelFacts {
  const { path, metadata, tensors, fileBytes, dataOffset: headerBytes } = header;
  refuseParts(metadata);
  const architecture = architectureOf(requiredText(metadata, 'general.architecture'));
  const shape = modelShapeOf(metadata, architecture);
  const tokenizer = tokenizerOf(metadata);
  checkTensors(tensors);
  return {
    path,
    architecture: architecture.name,
    name: optionalText(metadata, 'general.name') || basename(path),
    vocabSize: tokenizer.vocabSize,
    contextLength: shape.contextLength,
    blockCount: shape.blockCount,
    embeddingLength: shape.embeddingLength,
    imageWidth: shape.imageWidth,
    feedForwardLength: shape.feedForwardLength,
    headCount: Math.max(...shape.headCounts),
    headCountKv: Math.max(...shape.headCountsKv),
    expertCount: shape.expertCount,
    parameterCount: parameterCount(header),
    tensorBytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    fileBytes,
    headerBytes,
    tokenizerModel: tokenizer.model,
    chatTemplate: tokenizer.chatTemplate,
    quantisation: quantisationOf(tensors),
    kvBytesPerToken: kvBytesPerToken(shape),
  };
}

/** Refuses files that are a part of a model or an addition to one. */
function refuseParts(metadata: Metadata): void {
  const parts = metadata.get('split.count');
  if (parts !== undefined && parts.type !== 'array' && Number(parts.value) > 1) {
    refuseModel(
      'model-unsupported',
      `the model is split into ${parts.value} files; join them with llama.cpp's llama-gguf-split --merge`,
    );
  }
  const kind = optionalText(metadata, 'general.type');
  if (kind !== null && kind !== 'model') {
    refuseModel('model-unsupported', `the file is of the kind "${kind}", not a whole model`);
  }
}

/** An output matrix that repeats the embedding counts once. */
function parameterCount(header: GgufHeader): number {
  const { tensors } = header;
  const all = tensors.reduce((sum, { dims }) => sum + weightCount(dims), 0);
  const [embedding, head] = ['token_embd.weight', 'output.weight'].map((wanted) =>
    tensors.find(({ name }) => name === wanted),
  );
  if (!embedding || !head || !holdSame(header, embedding, head)) return all;
  return all - weightCount(head.dims);
}

function quantisationOf(tensors: readonly GgufTensor[]): string {
  const weights = new Map<string, number>();
  for (const { type, dims } of tensors) {
    weights.set(type, (weights.get(type) ?? 0) + weightCount(dims));
  }
  return [...weights].sort(([, a], [, b]) => b - a)[0]![0];
}

function kvBytesPerToken({ headCountsKv, keyLength, valueLength }: ModelShape) {
  const heads = headCountsKv.reduce((sum, count) => sum + count, 0);
  const numbers = heads * (keyLength + valueLength);
  const { blockLength, blockBytes } = tensorTypes.Q8_0;
  const fits = keyLength % blockLength === 0 && valueLength % blockLength === 0;
  return { f16: numbers * 2, q8_0: fits ? (numbers / blockLength) * blockBytes : null };
}
