// Writes a language model and its image encoder with random weights, in the shapes of Gemma 3: an
// image attends to all of itself, words stand around it, and every second block sees a window only.

import { join } from 'node:path';
import { arrayNumbers, arrayTexts } from '../../gguf/decode.js';
import { float32Value, textValue, uint32Value } from '../../gguf/encode.js';
import { boolValue, numberArray, textArray } from '../../gguf/encode.suite.js';
import type { GgufArray, GgufValue } from '../../gguf/format.js';
import { tinyModel } from '../../gguf/tiny-model.suite.js';
import { type TensorSource, writeGguf } from '../../gguf/writer.js';
import type { PairFiles } from './random-pair.suite.js';
import { type Draw, drawer } from './random-tensors.suite.js';

/** Stand before and behind an image, a token each. */
export const imageWords = ['<start_of_image>', '<end_of_image>'];
/** Tokens of an image. */
export const gemmaImageTokens = 16;
/** LLAMA_TOKEN_TYPE_CONTROL */
const controlKind = 3;

const text = { width: 64, heads: 4, headsKv: 2, feedForward: 96, blocks: 4, window: 12 };
const sight = { width: 32, heads: 2, feedForward: 48, blocks: 2, patch: 8, side: 64, merge: 2 };

/** Writes the pair into the folder. */
export function writeRandomGemma(folder: string): PairFiles {
  const modelPath = join(folder, 'gemma3.gguf');
  const encoderPath = join(folder, 'gemma3-encoder.gguf');
  const draw = drawer(11);
  const metadata = modelMetadata();
  const vocabSize = (metadata.get('tokenizer.ggml.tokens') as GgufArray).count;
  writeGguf(modelPath, metadata, modelTensors(draw, vocabSize));
  writeGguf(encoderPath, encoderMetadata(), encoderTensors(draw));
  return { modelPath, encoderPath, vocabSize, imageWidth: text.width };
}

function modelMetadata(): Map<string, GgufValue> {
  return new Map<string, GgufValue>([
    ['general.architecture', textValue('gemma3')],
    ['general.name', textValue('random gemma3')],
    ['gemma3.context_length', uint32Value(512)],
    ['gemma3.embedding_length', uint32Value(text.width)],
    ['gemma3.block_count', uint32Value(text.blocks)],
    ['gemma3.feed_forward_length', uint32Value(text.feedForward)],
    ['gemma3.attention.head_count', uint32Value(text.heads)],
    ['gemma3.attention.head_count_kv', uint32Value(text.headsKv)],
    ['gemma3.attention.layer_norm_rms_epsilon', float32Value(1e-6)],
    ['gemma3.attention.sliding_window', uint32Value(text.window)],
    ['gemma3.attention.sliding_window_pattern', uint32Value(2)],
    ['gemma3.rope.freq_base', float32Value(1000)],
    ...tokenizer(),
  ]);
}

/** The tiny model's, with the words around images. */
function tokenizer(): Map<string, GgufValue> {
  const { metadata } = tinyModel();
  const own = new Map([...metadata].filter(([key]) => key.startsWith('tokenizer.')));
  const array = (name: string) => own.get(`tokenizer.ggml.${name}`) as GgufArray;
  const numbers = (name: string, more: number) => [
    ...arrayNumbers(array(name)),
    ...imageWords.map(() => more),
  ];
  return own
    .set('tokenizer.ggml.tokens', textArray([...arrayTexts(array('tokens')), ...imageWords]))
    .set('tokenizer.ggml.scores', numberArray('float32', numbers('scores', 0)))
    .set('tokenizer.ggml.token_type', numberArray('int32', numbers('token_type', controlKind)));
}

function modelTensors(draw: Draw, vocabSize: number): TensorSource[] {
  const { width, heads, headsKv, feedForward } = text;
  const headWidth = width / heads;
  const blocks = Array.from({ length: text.blocks }, (_, block) => {
    const at = (part: string) => `blk.${block}.${part}.weight`;
    return [
      draw.norm(at('attn_norm'), width),
      draw.matrix(at('attn_q'), width, width),
      draw.matrix(at('attn_k'), width, headWidth * headsKv),
      draw.matrix(at('attn_v'), width, headWidth * headsKv),
      draw.matrix(at('attn_output'), width, width),
      // Sharp attention: a token that stands elsewhere is seen otherwise.
      ...['attn_q_norm', 'attn_k_norm'].map((part) => draw.norm(at(part), headWidth, 2)),
      draw.norm(at('post_attention_norm'), width),
      draw.norm(at('ffn_norm'), width),
      draw.matrix(at('ffn_gate'), width, feedForward),
      draw.matrix(at('ffn_up'), width, feedForward),
      draw.matrix(at('ffn_down'), feedForward, width),
      draw.norm(at('post_ffw_norm'), width),
    ];
  });
  return [
    draw.matrix('token_embd.weight', width, vocabSize),
    ...blocks.flat(),
    draw.norm('output_norm.weight', width),
    draw.matrix('output.weight', width, vocabSize),
  ];
}

function encoderMetadata(): Map<string, GgufValue> {
  const size = (name: string, value: number) =>
    [`clip.vision.${name}`, uint32Value(value)] as const;
  const half = numberArray('float32', [0.5, 0.5, 0.5]);
  return new Map<string, GgufValue>([
    ['general.architecture', textValue('clip')],
    ['general.type', textValue('mmproj')],
    ['clip.has_vision_encoder', boolValue(true)],
    ['clip.projector_type', textValue('gemma3')],
    ['clip.use_gelu', boolValue(true)],
    size('image_size', sight.side),
    size('patch_size', sight.patch),
    size('embedding_length', sight.width),
    size('feed_forward_length', sight.feedForward),
    size('block_count', sight.blocks),
    size('attention.head_count', sight.heads),
    size('projection_dim', text.width),
    size('projector.scale_factor', sight.merge),
    ['clip.vision.attention.layer_norm_epsilon', float32Value(1e-6)],
    ['clip.vision.image_mean', half],
    ['clip.vision.image_std', half],
  ]);
}

function encoderTensors(draw: Draw): TensorSource[] {
  const { width, feedForward, patch, side } = sight;
  const norm = (name: string) => [
    draw.norm(`${name}.weight`, width),
    draw.vector(`${name}.bias`, width),
  ];
  const blocks = Array.from({ length: sight.blocks }, (_, block) => {
    const at = (part: string) => `v.blk.${block}.${part}`;
    return [
      ...norm(at('ln1')),
      ...['attn_q', 'attn_k', 'attn_v', 'attn_out'].flatMap((part) =>
        draw.layer(at(part), width, width),
      ),
      ...norm(at('ln2')),
      ...draw.layer(at('ffn_up'), width, feedForward),
      ...draw.layer(at('ffn_down'), feedForward, width),
    ];
  });
  return [
    draw.tensor('v.patch_embd.weight', [patch, patch, 3, width], 1 / patch),
    draw.vector('v.patch_embd.bias', width),
    draw.matrix('v.position_embd.weight', width, (side / patch) ** 2, 4),
    ...blocks.flat(),
    ...norm('v.post_ln'),
    draw.norm('mm.soft_emb_norm.weight', width),
    // Transposed, as in the files of Gemma 3.
    draw.matrix('mm.input_projection.weight', text.width, width, 8),
  ];
}
