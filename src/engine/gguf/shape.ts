// Reads the sizes of a model from its metadata and refuses those on which llama.cpp fails only
// when it computes. The probe of src/engine/llama finds those on which it fails while it loads.
// Source: load_hparams and the graphs of llama.cpp v0.5.0.

import type { Architecture } from './architectures.js';
import { arrayNumbers } from './decode.js';
import {
  type Metadata,
  optionalArray,
  optionalBool,
  optionalCount,
  optionalCounts,
  optionalFloat,
  requiredCount,
  type ValueRange,
} from './metadata.js';
import { demand, refuseModel } from './model-error.js';

export interface ModelShape {
  readonly contextLength: number;
  readonly embeddingLength: number;
  /** Numbers that stand for a token of an image: some models take more for their first blocks. */
  readonly imageWidth: number;
  readonly blockCount: number;
  /** [blockCount] each. Zero only if a block has no attention. */
  readonly headCounts: readonly number[];
  readonly headCountsKv: readonly number[];
  /** Sizes of one head. */
  readonly keyLength: number;
  readonly valueLength: number;
  /** Largest of all blocks; null if the file does not tell. */
  readonly feedForwardLength: number | null;
  readonly expertCount: number;
}

/**
 * LLAMA_MAX_LAYERS and LLAMA_MAX_EXPERTS of llama.cpp; the others leave room above the largest
 * published models.
 */
const ranges = {
  contextLength: { min: 1, max: 2 ** 27 },
  embeddingLength: { min: 1, max: 2 ** 17 },
  blockCount: { min: 1, max: 512 },
  headCount: { min: 0, max: 4096 },
  headLength: { min: 1, max: 4096 },
  feedForwardLength: { min: 0, max: 2 ** 22 },
  expertCount: { min: 0, max: 1024 },
  expertGating: { min: 0, max: 4 },
  finite: { min: -3.5e38, max: 3.5e38 },
  epsilon: { min: 0, max: 1 },
} as const;

type KeyOf = (name: string) => string;

/** @throws PilotfishError `model-malformed` or `model-unsupported`, naming key, value and bound. */
export function modelShapeOf(metadata: Metadata, architecture: Architecture): ModelShape {
  const key: KeyOf = (name) => `${architecture.name}.${name}`;
  const count = (name: keyof typeof ranges, suffix: string) =>
    requiredCount(metadata, key(suffix), ranges[name]);
  const contextLength = count('contextLength', 'context_length');
  const embeddingLength = count('embeddingLength', 'embedding_length');
  const blockCount = count('blockCount', 'block_count');
  const perBlock = (name: string, range: ValueRange) =>
    optionalCounts(metadata, key(name), blockCount, range);
  checkFloats(metadata, architecture.name);
  if (architecture.rotatesInSections) checkSections(metadata, key('rope.dimension_sections'));
  checkBlocks(metadata, architecture, key, blockCount);
  const deepRange = { min: 0, max: blockCount };
  const deepBlocks = optionalCount(metadata, key('n_deepstack_layers'), deepRange) ?? 0;
  if (optionalBool(metadata, key('attention.causal')) === false) {
    refuseModel(
      'model-unsupported',
      `${key('attention.causal')} is false: the model is no decoder`,
    );
  }
  const feedForward = perBlock('feed_forward_length', ranges.feedForwardLength);
  const headCounts = perBlock('attention.head_count', ranges.headCount);
  demand(headCounts !== null, `metadata key ${key('attention.head_count')} is missing`);
  const headsHere = headCounts.find((heads) => heads > 0) ?? 1;
  const plainLength = Math.floor(embeddingLength / headsHere);
  const lengths = headLengthsOf(metadata, key, [plainLength, plainLength, null], '');
  headLengthsOf(metadata, key, lengths, '_swa');
  const [keyLength, valueLength] = lengths;
  return {
    contextLength,
    embeddingLength,
    imageWidth: embeddingLength * (1 + deepBlocks),
    blockCount,
    headCounts,
    headCountsKv: perBlock('attention.head_count_kv', ranges.headCount) ?? headCounts,
    keyLength,
    valueLength,
    feedForwardLength: feedForward && Math.max(...feedForward),
    expertCount: expertsOf(metadata, architecture, key, blockCount),
  };
}

function checkBlocks(
  metadata: Metadata,
  { blockCountMin }: Architecture,
  key: KeyOf,
  blockCount: number,
): void {
  demand(
    blockCount >= blockCountMin,
    `${key('block_count')} is ${blockCount}, must be at least ${blockCountMin}`,
  );
  const nextn = optionalCount(metadata, key('nextn_predict_layers'), ranges.blockCount) ?? 0;
  demand(nextn < blockCount, `${key('nextn_predict_layers')} is ${nextn} of ${blockCount} blocks`);
}

/** Numbers of a head: its key, its value, and those that rotary embedding rotates. */
type HeadLengths = readonly [key: number, value: number, rotated: number | null];

/** @param plain for keys that are absent. @param suffix names a second kind of head. */
function headLengthsOf(
  metadata: Metadata,
  key: KeyOf,
  plain: HeadLengths,
  suffix: '' | '_swa',
): HeadLengths {
  const length = (name: string) =>
    optionalCount(metadata, key(`${name}${suffix}`), ranges.headLength);
  const keyLength = length('attention.key_length') ?? plain[0];
  const valueLength = length('attention.value_length') ?? plain[1];
  // With 0 llama.cpp computes forever, and an odd number fails its assertion: at the first token.
  const rotated = length('rope.dimension_count') ?? plain[2] ?? keyLength;
  demand(
    rotated % 2 === 0 && rotated <= keyLength,
    `${key(`rope.dimension_count${suffix}`)} is ${rotated}, must be even and at most ${keyLength}`,
  );
  return [keyLength, valueLength, rotated];
}

/** llama.cpp takes the first block's number of used experts for that of all blocks. */
function expertsOf(
  metadata: Metadata,
  { expertsVary }: Architecture,
  key: KeyOf,
  blockCount: number,
): number {
  const usedKey = key('expert_used_count');
  const used = optionalCounts(metadata, usedKey, blockCount, ranges.expertCount) ?? [];
  demand(
    expertsVary || used.every((usedHere) => usedHere === used[0]),
    `${usedKey} differs between blocks`,
  );
  // An unknown gating function ends the process at the first token.
  optionalCount(metadata, key('expert_gating_func'), ranges.expertGating);
  return optionalCount(metadata, key('expert_count'), ranges.expertCount) ?? 0;
}

/**
 * No number of the architecture may be NaN or infinite; the epsilons of norms may not be negative
 * (asserted).
 */
function checkFloats(metadata: Metadata, architecture: string): void {
  for (const [key, value] of metadata) {
    if (value.type !== 'float32' || !key.startsWith(`${architecture}.`)) continue;
    optionalFloat(metadata, key, key.endsWith('_epsilon') ? ranges.epsilon : ranges.finite);
  }
}

function checkSections(metadata: Metadata, key: string): void {
  const sections = optionalArray(metadata, key);
  demand(sections !== null, `metadata key ${key} is missing`);
  const lengths = sections.elementType === 'string' ? [] : [...arrayNumbers(sections)];
  demand(
    lengths.every((length) => length >= 0) && lengths.slice(0, 3).some((length) => length > 0),
    `${key} is [${lengths.slice(0, 4).join(', ')}], must have a length above 0`,
  );
}
