// Writes a language model and its image encoder with random weights, in the shapes of Qwen's
// vision-language models: what they write means nothing, but every position and every pixel counts.

import { join } from 'node:path';
import { float32Value, textValue, uint32Value } from '../../gguf/encode.js';
import { boolValue, numberArray } from '../../gguf/encode.suite.js';
import type { GgufValue } from '../../gguf/format.js';
import { tinyModel, tinyTokens } from '../../gguf/tiny-model.suite.js';
import { type TensorSource, writeGguf } from '../../gguf/writer.js';
import { type Draw, drawer } from './random-tensors.suite.js';

/** Architecture of the language model, and projector of the encoder. */
export type PairKind = keyof typeof projectors;

export const projectors = {
  qwen2vl: 'qwen2vl_merger',
  'qwen2.5vl': 'qwen2.5vl_merger',
  qwen3vl: 'qwen3vl_merger',
} as const;

export interface PairFiles {
  readonly modelPath: string;
  readonly encoderPath: string;
  readonly vocabSize: number;
  /** Numbers of an embedding that the model takes for a token of an image. */
  readonly imageWidth: number;
}

const text = { width: 64, heads: 4, headsKv: 2, feedForward: 96, blocks: 3 };
const sight = { width: 32, heads: 2, feedForward: 48, blocks: 2, patch: 8, side: 64 };
/** Patches to a token, in both directions together. */
const merged = 4;

/** Writes the pair into the folder. Same kind, same files. */
export function writeRandomPair(folder: string, kind: PairKind): PairFiles {
  const modelPath = join(folder, `${kind}.gguf`);
  const encoderPath = join(folder, `${kind}-encoder.gguf`);
  const draw = drawer(7);
  writeGguf(modelPath, modelMetadata(kind), modelTensors(kind, draw));
  writeGguf(encoderPath, encoderMetadata(kind), encoderTensors(kind, draw));
  const imageWidth = text.width * (1 + deepBlocks(kind).length);
  return { modelPath, encoderPath, vocabSize: tinyTokens().length, imageWidth };
}

/** Blocks of the encoder whose states go to blocks of the language model (DeepStack). */
const deepBlocks = (kind: PairKind): number[] => (kind === 'qwen3vl' ? [0, 1] : []);

function modelMetadata(kind: PairKind): Map<string, GgufValue> {
  const name = kind === 'qwen2.5vl' ? 'qwen2vl' : kind;
  const tokenizer = [...tinyModel().metadata].filter(([key]) => key.startsWith('tokenizer.'));
  return new Map<string, GgufValue>([
    ['general.architecture', textValue(name)],
    ['general.name', textValue(`random ${kind}`)],
    [`${name}.context_length`, uint32Value(512)],
    [`${name}.embedding_length`, uint32Value(text.width)],
    [`${name}.block_count`, uint32Value(text.blocks)],
    [`${name}.feed_forward_length`, uint32Value(text.feedForward)],
    [`${name}.attention.head_count`, uint32Value(text.heads)],
    [`${name}.attention.head_count_kv`, uint32Value(text.headsKv)],
    [`${name}.attention.layer_norm_rms_epsilon`, float32Value(1e-6)],
    [`${name}.rope.freq_base`, float32Value(1000)],
    [`${name}.rope.dimension_sections`, numberArray('int32', [2, 3, 3, 0])],
    ...(kind === 'qwen3vl'
      ? ([[`${name}.n_deepstack_layers`, uint32Value(deepBlocks(kind).length)]] as const)
      : []),
    ...tokenizer,
  ]);
}

function modelTensors(kind: PairKind, draw: Draw): TensorSource[] {
  const { width, heads, headsKv, feedForward } = text;
  const headWidth = width / heads;
  const blocks = Array.from({ length: text.blocks }, (_, block) => {
    const at = (part: string) => `blk.${block}.${part}`;
    return [
      draw.norm(at('attn_norm.weight'), width),
      // Sharp attention: a token that stands elsewhere is seen otherwise.
      ...draw.layer(at('attn_q'), width, width, 4),
      ...draw.layer(at('attn_k'), width, headWidth * headsKv, 4),
      ...draw.layer(at('attn_v'), width, headWidth * headsKv),
      draw.matrix(at('attn_output.weight'), width, width),
      ...(kind === 'qwen3vl'
        ? ['attn_q_norm', 'attn_k_norm'].map((part) =>
            draw.norm(at(`${part}.weight`), headWidth, 2),
          )
        : []),
      draw.norm(at('ffn_norm.weight'), width),
      draw.matrix(at('ffn_gate.weight'), width, feedForward),
      draw.matrix(at('ffn_up.weight'), width, feedForward),
      draw.matrix(at('ffn_down.weight'), feedForward, width),
    ];
  });
  return [
    draw.matrix('token_embd.weight', width, tinyTokens().length, 8),
    ...blocks.flat(),
    draw.norm('output_norm.weight', width),
    draw.matrix('output.weight', width, tinyTokens().length),
  ];
}

function encoderMetadata(kind: PairKind): Map<string, GgufValue> {
  const size = (name: string, value: number) =>
    [`clip.vision.${name}`, uint32Value(value)] as const;
  const half = numberArray('float32', [0.5, 0.5, 0.5]);
  const isDeep = Array.from({ length: sight.blocks }, (_, block) =>
    Number(deepBlocks(kind).includes(block)),
  );
  return new Map<string, GgufValue>([
    ['general.architecture', textValue('clip')],
    ['general.type', textValue('mmproj')],
    ['clip.has_vision_encoder', boolValue(true)],
    ['clip.projector_type', textValue(projectors[kind])],
    [kind === 'qwen2.5vl' ? 'clip.use_silu' : 'clip.use_gelu', boolValue(true)],
    size('image_size', sight.side),
    size('patch_size', sight.patch),
    size('embedding_length', sight.width),
    size('feed_forward_length', sight.feedForward),
    size('block_count', sight.blocks),
    size('attention.head_count', sight.heads),
    size('projection_dim', text.width),
    size('n_wa_pattern', kind === 'qwen2.5vl' ? 2 : 0),
    ['clip.vision.is_deepstack_layers', numberArray('bool', isDeep)],
    ['clip.vision.attention.layer_norm_epsilon', float32Value(1e-6)],
    ['clip.vision.image_mean', half],
    ['clip.vision.image_std', half],
  ]);
}

function encoderTensors(kind: PairKind, draw: Draw): TensorSource[] {
  const { width, feedForward, patch, side } = sight;
  const wide = width * merged;
  const norm = (name: string, count = width) =>
    kind === 'qwen2.5vl'
      ? [draw.norm(`${name}.weight`, count)]
      : [draw.norm(`${name}.weight`, count), draw.vector(`${name}.bias`, count)];
  const blocks = Array.from({ length: sight.blocks }, (_, block) => {
    const at = (part: string) => `v.blk.${block}.${part}`;
    const heads = kind === 'qwen3vl' ? ['attn_qkv'] : ['attn_q', 'attn_k', 'attn_v'];
    return [
      ...norm(at('ln1')),
      ...heads.flatMap((part) => draw.layer(at(part), width, (width * 3) / heads.length)),
      ...draw.layer(at('attn_out'), width, width),
      ...norm(at('ln2')),
      ...(kind === 'qwen2.5vl' ? draw.layer(at('ffn_gate'), width, feedForward) : []),
      ...draw.layer(at('ffn_up'), width, feedForward),
      ...draw.layer(at('ffn_down'), feedForward, width),
    ];
  });
  const patches = ['v.patch_embd.weight', 'v.patch_embd.weight.1'].map((name) =>
    draw.tensor(name, [patch, patch, 3, width], 1 / patch),
  );
  const deep = deepBlocks(kind).flatMap((block) => [
    ...norm(`v.deepstack.${block}.norm`, wide),
    ...draw.layer(`v.deepstack.${block}.fc1`, wide, wide),
    ...draw.layer(`v.deepstack.${block}.fc2`, wide, text.width, 4),
  ]);
  const positions = (side / patch) ** 2;
  return [
    ...patches,
    ...(kind === 'qwen3vl'
      ? [
          draw.vector('v.patch_embd.bias', width),
          draw.matrix('v.position_embd.weight', width, positions, 4),
        ]
      : []),
    ...blocks.flat(),
    ...norm('v.post_ln'),
    ...deep,
    ...draw.layer('mm.0', wide, wide),
    ...draw.layer('mm.2', wide, text.width, 8),
  ];
}
