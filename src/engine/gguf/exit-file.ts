// Reads and checks exit head files: a feed-forward block and a norm for the hidden stream of one
// target model, and whether a head fits a target. A file holds no vocabulary and no output matrix;
// it uses those of the target.

import { createHash } from 'node:crypto';
import { PilotfishError } from '../../base/error.js';
import type { GgufHeader, GgufTensor, tensorTypes } from './format.js';
import { optionalFloat, requiredCount, requiredText } from './metadata.js';
import { demand, naming, quoted, refuseModel } from './model-error.js';
import type { ModelFacts } from './model-file.js';
import { readGguf } from './reader.js';

/** The metadata of an exit head file. */
export interface ExitFacts {
  readonly path: string;
  readonly name: string;
  /** Blocks of the target below the exit, in [1, targetBlockCount). */
  readonly layer: number;
  readonly targetBlockCount: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  /** Digest of the target's token texts: see `vocabularyDigest`. */
  readonly vocabularyDigest: string;
  /** Calibration of its confidences; see src/engine/exit-hint.ts. */
  readonly sharpness: number;
  readonly coverage: number;
  readonly header: GgufHeader;
}

const kind = 'exit-head';
const version = 1;
const ranges = {
  version: { min: version, max: version },
  layer: { min: 1, max: 511 },
  blockCount: { min: 2, max: 512 },
  embeddingLength: { min: 1, max: 2 ** 17 },
  feedForwardLength: { min: 1, max: 2 ** 22 },
  sharpness: { min: 1e-3, max: 1e3 },
  coverage: { min: 0, max: 1 },
} as const;

/** Sizes of each tensor of a head, the fastest-varying first. */
export function exitTensorDims(
  embeddingLength: number,
  feedForwardLength: number,
): Readonly<Record<string, readonly number[]>> {
  return {
    'exit.ffn_norm.weight': [embeddingLength],
    'exit.ffn_gate.weight': [embeddingLength, feedForwardLength],
    'exit.ffn_up.weight': [embeddingLength, feedForwardLength],
    'exit.ffn_down.weight': [feedForwardLength, embeddingLength],
    'exit.output_norm.weight': [embeddingLength],
  };
}

/**
 * Reads and checks the header of the exit head at `path`.
 *
 * @throws PilotfishError as `readGguf`; `exit-head-mismatch` for a file of another kind,
 *   `model-malformed` for missing or extra metadata or tensors, and for wrong sizes or values.
 */
export function checkExitFile(path: string): ExitFacts {
  const header = readGguf(path);
  return naming(path, () => exitFactsOf(header));
}

/** Whether the metadata declares an exit head. @throws PilotfishError as `readGguf`. */
export const isExitFile = (path: string): boolean => saysSo(readGguf(path));

function saysSo({ metadata }: GgufHeader): boolean {
  const found = metadata.get('general.type');
  return found?.type === 'string' && found.value === kind;
}

function exitFactsOf(header: GgufHeader): ExitFacts {
  const { path, metadata, tensors } = header;
  if (!saysSo(header)) {
    refuseModel('exit-head-mismatch', `the file is no exit head: general.type is not "${kind}"`);
  }
  requiredCount(metadata, 'exit.version', ranges.version);
  const count = (key: string, range: { min: number; max: number }) =>
    requiredCount(metadata, `exit.${key}`, range);
  const float = (key: string, range: { min: number; max: number }): number => {
    const value = optionalFloat(metadata, `exit.${key}`, range);
    demand(value !== null, `metadata key exit.${key} is missing`);
    return value;
  };
  const targetBlockCount = count('target_block_count', ranges.blockCount);
  const layer = count('layer', ranges.layer);
  demand(layer < targetBlockCount, `exit.layer is ${layer} of ${targetBlockCount} blocks`);
  const embeddingLength = count('embedding_length', ranges.embeddingLength);
  const feedForwardLength = count('feed_forward_length', ranges.feedForwardLength);
  checkTensors(tensors, exitTensorDims(embeddingLength, feedForwardLength));
  return {
    path,
    name: requiredText(metadata, 'general.name'),
    layer,
    targetBlockCount,
    embeddingLength,
    feedForwardLength,
    vocabularyDigest: requiredText(metadata, 'exit.vocabulary_sha256'),
    sharpness: float('sharpness', ranges.sharpness),
    coverage: float('coverage', ranges.coverage),
    header,
  };
}

/** Types that llama.cpp can multiply on every backend. */
const matrixTypes: readonly string[] = [
  'F32',
  'F16',
  'BF16',
  'Q8_0',
] satisfies (keyof typeof tensorTypes)[];

function checkTensors(
  tensors: readonly GgufTensor[],
  expected: Readonly<Record<string, readonly number[]>>,
): void {
  const names = Object.keys(expected);
  const extra = tensors.find(({ name }) => !names.includes(name));
  demand(!extra, `tensor ${quoted(extra?.name ?? '')} is none of an exit head's`);
  for (const name of names) {
    const tensor = tensors.find((candidate) => candidate.name === name);
    demand(tensor !== undefined, `tensor ${name} is missing`);
    const dims = expected[name]!;
    demand(
      tensor.dims.join() === dims.join(),
      `tensor ${name} is ${tensor.dims.join(' x ')}, must be ${dims.join(' x ')}`,
    );
    const allowed = dims.length === 1 ? ['F32'] : matrixTypes;
    demand(
      allowed.includes(tensor.type),
      `tensor ${name} has type ${tensor.type}, must be ${allowed.join(', ')}`,
    );
  }
}

/** SHA-256, in hex, over the token texts in a model file; null if the file lists none. */
export function vocabularyDigest({ metadata }: GgufHeader): string | null {
  const tokens = metadata.get('tokenizer.ggml.tokens');
  if (tokens?.type !== 'array') return null;
  return createHash('sha256').update(tokens.bytes).digest('hex');
}

/** @throws PilotfishError `exit-head-mismatch`, naming what differs. */
export function checkExitFits(exit: ExitFacts, target: ModelFacts, targetHeader: GgufHeader): void {
  const differences = [
    ['blocks', exit.targetBlockCount, target.blockCount],
    ['embedding length', exit.embeddingLength, target.embeddingLength],
    ['vocabulary', exit.vocabularyDigest, vocabularyDigest(targetHeader)],
  ] as const;
  const difference = differences.find(([, made, there]) => made !== there);
  if (!difference) return;
  const [what, made, there] = difference;
  throw new PilotfishError(
    'exit-head-mismatch',
    `${exit.path}: made for a target of ${what} ${made}; ${target.path} has ${there}`,
  );
}
