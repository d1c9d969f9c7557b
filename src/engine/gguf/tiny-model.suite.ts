// Builds a complete llama model of a few kilobytes in memory, for tests to write, damage and read
// back. All weights are zero. Its parts are plain maps and lists: a test changes one thing and
// writes the rest.

import { float32Value, textValue, uint32Value } from './encode.js';
import { boolValue, numberArray, textArray } from './encode.suite.js';
import { type GgufValue, type TensorType, tensorBytes } from './format.js';
import type { TensorSource } from './writer.js';

export interface TinyModel {
  readonly metadata: Map<string, GgufValue>;
  readonly tensors: TensorSource[];
}

export const tinySizes = {
  width: 32,
  heads: 4,
  headsKv: 2,
  feedForward: 64,
  blocks: 2,
  letters: 26,
};

/** Three special tokens, one per byte, then small letters. */
export function tinyTokens(): string[] {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const letters = Array.from({ length: tinySizes.letters }, (_, i) => String.fromCharCode(97 + i));
  return ['<unk>', '<s>', '</s>', ...bytes, ...letters];
}

export function tinyModel(): TinyModel {
  const { width, heads, headsKv, feedForward, blocks } = tinySizes;
  const tokens = tinyTokens();
  const keyWidth = (width / heads) * headsKv;
  const tensors = [zeros('token_embd.weight', 'F16', width, tokens.length)];
  for (let block = 0; block < blocks; block++) {
    const at = (part: string) => `blk.${block}.${part}.weight`;
    tensors.push(
      zeros(at('attn_norm'), 'F32', width),
      zeros(at('attn_q'), 'F16', width, width),
      zeros(at('attn_k'), 'F16', width, keyWidth),
      zeros(at('attn_v'), 'F16', width, keyWidth),
      zeros(at('attn_output'), 'F16', width, width),
      zeros(at('ffn_norm'), 'F32', width),
      zeros(at('ffn_gate'), 'F16', width, feedForward),
      zeros(at('ffn_up'), 'F16', width, feedForward),
      zeros(at('ffn_down'), 'F16', feedForward, width),
    );
  }
  tensors.push(zeros('output_norm.weight', 'F32', width));
  return { metadata: tinyMetadata(tokens), tensors };
}

/** A tensor of zeros. */
export function zeros(name: string, type: TensorType, ...dims: number[]): TensorSource {
  return { name, type, dims, pieces: () => [new Uint8Array(tensorBytes(type, dims))] };
}

function tinyMetadata(tokens: readonly string[]): Map<string, GgufValue> {
  const { width, heads, headsKv, feedForward, blocks } = tinySizes;
  const kinds = tokens.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1));
  return new Map<string, GgufValue>([
    ['general.architecture', textValue('llama')],
    ['general.name', textValue('tiny')],
    ['llama.context_length', uint32Value(64)],
    ['llama.embedding_length', uint32Value(width)],
    ['llama.block_count', uint32Value(blocks)],
    ['llama.feed_forward_length', uint32Value(feedForward)],
    ['llama.attention.head_count', uint32Value(heads)],
    ['llama.attention.head_count_kv', uint32Value(headsKv)],
    ['llama.attention.layer_norm_rms_epsilon', float32Value(1e-5)],
    ['llama.rope.dimension_count', uint32Value(width / heads)],
    ['tokenizer.ggml.model', textValue('llama')],
    ['tokenizer.ggml.tokens', textArray(tokens)],
    [
      'tokenizer.ggml.scores',
      numberArray(
        'float32',
        tokens.map((_, id) => -id),
      ),
    ],
    ['tokenizer.ggml.token_type', numberArray('int32', kinds)],
    ['tokenizer.ggml.bos_token_id', uint32Value(1)],
    ['tokenizer.ggml.eos_token_id', uint32Value(2)],
    ['tokenizer.ggml.add_bos_token', boolValue(true)],
  ]);
}
