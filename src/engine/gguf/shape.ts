// Reads the sizes of a model from its metadata and refuses those on which llama.cpp would stop the
// process. Checks numbers only; tensors.ts checks that the tensors have these sizes. Source:
// load_hparams of llama.cpp v0.5.0.

import type { Architecture } from './architectures.js';
import { arrayNumbers } from './decode.js';
import {
  type Metadata,
  optionalArray,
  optionalBool,
  optionalCount,
  optionalCounts,
  optionalFloat,
  optionalText,
  requiredCount,
} from './metadata.js';
import { demand, refuseModel } from './model-error.js';

/** Sizes of one head. */
export interface HeadLengths {
  readonly keyLength: number;
  readonly valueLength: number;
  /** Numbers of a head that rotary embedding rotates; null: unknown. */
  readonly rotaryLength: number | null;
}

export interface ModelShape extends HeadLengths {
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly blockCount: number;
  /** [blockCount] each. Zero only if a block has no attention. */
  readonly headCounts: readonly number[];
  readonly headCountsKv: readonly number[];
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

const ropeScalings = ['none', 'linear', 'yarn', 'longrope'];

/** @throws PilotfishError `model-malformed` or `model-unsupported`, naming key, value and bound. */
export function modelShapeOf(metadata: Metadata, architecture: Architecture): ModelShape {
  const key = (name: string) => `${architecture.name}.${name}`;
  const count = (name: keyof typeof ranges, suffix: string) =>
    requiredCount(metadata, key(suffix), ranges[name]);
  const contextLength = count('contextLength', 'context_length');
  const embeddingLength = count('embeddingLength', 'embedding_length');
  const blockCount = count('blockCount', 'block_count');
  const feedForward = optionalCounts(
    metadata,
    key('feed_forward_length'),
    blockCount,
    ranges.feedForwardLength,
  );
  checkFloats(metadata, architecture.name);
  checkRope(metadata, architecture, key);
  demand(
    blockCount >= architecture.blockCountMin,
    `${key('block_count')} is ${blockCount}, must be at least ${architecture.blockCountMin}`,
  );
  if (optionalBool(metadata, key('attention.causal')) === false) {
    refuseModel(
      'model-unsupported',
      `${key('attention.causal')} is false: the model is no decoder`,
    );
  }
  const heads = headCountsOf(metadata, architecture, key, blockCount);
  const headsHere = heads.headCounts.find((count) => count > 0) ?? 1;
  const plainLength = Math.floor(embeddingLength / headsHere);
  demand(plainLength > 0, `embedding_length ${embeddingLength} is less than the number of heads`);
  const plain = { keyLength: plainLength, valueLength: plainLength, rotaryLength: null };
  const lengths = headLengthsOf(metadata, architecture, key, plain, '');
  headLengthsOf(metadata, architecture, key, lengths, '_swa');
  return {
    contextLength,
    embeddingLength,
    blockCount,
    ...heads,
    ...lengths,
    feedForwardLength: feedForward && Math.max(...feedForward),
    expertCount: expertsOf(metadata, architecture, key, blockCount),
  };
}

type KeyOf = (name: string) => string;

function headCountsOf(
  metadata: Metadata,
  architecture: Architecture,
  key: KeyOf,
  blockCount: number,
) {
  const perBlock = (name: string) =>
    optionalCounts(metadata, key(name), blockCount, ranges.headCount);
  const headCounts = perBlock('attention.head_count');
  demand(headCounts !== null, `metadata key ${key('attention.head_count')} is missing`);
  const headCountsKv = perBlock('attention.head_count_kv') ?? headCounts;
  // llama.cpp takes the size of all heads from the first block; only with recurrent blocks may that
  // block have none.
  demand(
    headCounts[0]! > 0 || architecture.rollback === 'bounded',
    `${key('attention.head_count')} is 0 in block 0, must be at least 1`,
  );
  headCounts.forEach((heads, block) => {
    const headsKv = headCountsKv[block]!;
    demand(
      headsKv === 0 || (heads >= headsKv && heads % headsKv === 0),
      `block ${block} has ${heads} heads over ${headsKv} key-value heads, must be a multiple`,
    );
  });
  return { headCounts, headCountsKv };
}

/**
 * Sizes of one head; checks the conditions that llama.cpp's graphs assert. `suffix` names a second
 * kind.
 */
function headLengthsOf(
  metadata: Metadata,
  architecture: Architecture,
  key: KeyOf,
  plain: HeadLengths,
  suffix: '' | '_swa',
): HeadLengths {
  const length = (name: string) =>
    optionalCount(metadata, key(`${name}${suffix}`), ranges.headLength);
  const keyLength = length('attention.key_length') ?? plain.keyLength;
  const valueLength = length('attention.value_length') ?? plain.valueLength;
  const rotaryKey = key(`rope.dimension_count${suffix}`);
  // With 0 llama.cpp computes forever, which a probe would notice only at the first token.
  const rotated = length('rope.dimension_count') ?? plain.rotaryLength ?? keyLength;
  demand(
    keyLength === valueLength || architecture.unequalHeads,
    `keys of ${keyLength} and values of ${valueLength} numbers per head, must be equal`,
  );
  demand(
    rotated % 2 === 0 && rotated <= keyLength,
    `${rotaryKey} is ${rotated}, must be even and at most ${keyLength}`,
  );
  demand(
    rotated === keyLength || !architecture.rotatesWholeHeads,
    `${rotaryKey} is ${rotated}, must be ${keyLength}, the size of a head`,
  );
  return { keyLength, valueLength, rotaryLength: rotated };
}

/** Checks the conditions that load_hparams asserts. */
function expertsOf(
  metadata: Metadata,
  architecture: Architecture,
  key: KeyOf,
  blockCount: number,
): number {
  const count = (name: string) => optionalCount(metadata, key(name), ranges.expertCount) ?? 0;
  const counted = count('expert_count');
  const experts = counted === 1 && architecture.loneExpertIgnored ? 0 : counted;
  const used =
    optionalCounts(metadata, key('expert_used_count'), blockCount, ranges.expertCount) ?? [];
  const usedMax = counted === experts ? Math.max(0, ...used) : 0;
  const groups = count('expert_group_count');
  const groupsUsed = count('expert_group_used_count');
  const nextn = optionalCount(metadata, key('nextn_predict_layers'), ranges.blockCount) ?? 0;
  demand(nextn < blockCount, `${key('nextn_predict_layers')} is ${nextn} of ${blockCount} blocks`);
  demand(
    usedMax <= experts && experts > 0 === usedMax > 0,
    `${key('expert_used_count')} is ${usedMax} of ${experts} experts`,
  );
  demand(
    used.every((usedHere) => usedHere === usedMax) || architecture.expertsVary,
    `${key('expert_used_count')} differs between blocks`,
  );
  // An unknown gating function of experts ends the process when the graph is built.
  optionalCount(metadata, key('expert_gating_func'), ranges.expertGating);
  demand(experts > 0 || !architecture.expertsRequired, `${key('expert_count')} is missing or 0`);
  demand(groups === 0 || groups < experts, `${groups} expert groups of ${experts} experts`);
  demand(
    groups <= 1 || (experts % groups === 0 && groupsUsed > 0 && groupsUsed < groups),
    `${groupsUsed} of ${groups} expert groups used, ${experts} experts`,
  );
  return experts;
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

function checkRope(metadata: Metadata, architecture: Architecture, key: KeyOf): void {
  const scaling = optionalText(metadata, key('rope.scaling.type'));
  demand(
    scaling === null || ropeScalings.includes(scaling),
    `${key('rope.scaling.type')} is "${scaling}", must be one of ${ropeScalings.join(', ')}`,
  );
  if (!architecture.rotatesInSections) return;
  const sections = optionalArray(metadata, key('rope.dimension_sections'));
  demand(sections !== null, `metadata key ${key('rope.dimension_sections')} is missing`);
  const lengths = sections.elementType === 'string' ? [] : [...arrayNumbers(sections)];
  demand(
    lengths.every((length) => length >= 0) && lengths.slice(0, 3).some((length) => length > 0),
    `${key('rope.dimension_sections')} is [${lengths.slice(0, 4).join(', ')}], must have a length above 0`,
  );
}
