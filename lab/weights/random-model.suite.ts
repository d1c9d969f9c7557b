// Writes a llama model of any size with random weights: what it costs is real, what it writes is
// noise. For engine benchmarks only, where speed does not depend on the weights; useless for
// acceptance.

import { PilotfishError } from '../../src/base/error.js';
import { float32Value, textValue, uint32Value } from '../../src/engine/gguf/encode.js';
import type { GgufValue } from '../../src/engine/gguf/format.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { readGguf } from '../../src/engine/gguf/reader.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/writer.js';
import { withVocabSize } from '../filler-tokens.js';

export interface RandomModelOptions {
  readonly embeddingLength: number;
  readonly blockCount: number;
  /** A divisor of `embeddingLength`; heads of an even size. */
  readonly headCount: number;
  /** A divisor of `headCount`. */
  readonly headCountKv: number;
  readonly feedForwardLength: number;
  /** At least the tokens of the model that lends its tokenizer. */
  readonly vocabSize: number;
  readonly contextLength: number;
  /** Model file with a SentencePiece tokenizer; its pieces come first, fillers after them. */
  readonly tokenizerFrom: string;
  /** Same seed, same file; a non-zero 32-bit integer. */
  readonly seed: number;
}

/**
 * Writes the model to `path`: F16 matrices, F32 norms of one.
 *
 * @returns bytes written.
 * @throws PilotfishError `usage` for sizes that do not fit each other; those of `checkModelFile`
 * and `writeGguf`.
 */
export function writeRandomModel(path: string, options: RandomModelOptions): number {
  const facts = checkModelFile(options.tokenizerFrom);
  demandFit(options, facts.vocabSize);
  const lender = readGguf(options.tokenizerFrom).metadata;
  return writeGguf(path, metadataOf(options, lender), tensorsOf(options));
}

function demandFit(options: RandomModelOptions, vocabMin: number): void {
  const { embeddingLength, headCount, headCountKv, vocabSize, seed, tokenizerFrom, ...rest } =
    options;
  const headLength = embeddingLength / headCount;
  const fits: readonly (readonly [boolean, string])[] = [
    [
      Number.isInteger(headLength / 2),
      `headCount ${headCount} of embeddingLength ${embeddingLength}`,
    ],
    [
      Number.isInteger(headCount / headCountKv),
      `headCountKv ${headCountKv} of headCount ${headCount}`,
    ],
    [vocabSize >= vocabMin, `vocabSize ${vocabSize}, must be at least ${vocabMin}`],
    [Number.isInteger(seed) && seed !== 0, `seed ${seed}, must be a non-zero integer`],
    ...Object.entries(rest).map(
      ([name, value]) => [Number.isInteger(value) && value > 0, `${name} ${value}`] as const,
    ),
  ];
  const wrong = fits.find(([fit]) => !fit);
  if (wrong) throw new PilotfishError('usage', `sizes of a random model do not fit: ${wrong[1]}`);
}

function metadataOf(
  options: RandomModelOptions,
  lender: ReadonlyMap<string, GgufValue>,
): Map<string, GgufValue> {
  const tokenizer = [...lender].filter(([key]) => key.startsWith('tokenizer.'));
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', textValue('llama')],
    ['general.name', textValue('random weights, for benchmarks')],
    ['llama.context_length', uint32Value(options.contextLength)],
    ['llama.embedding_length', uint32Value(options.embeddingLength)],
    ['llama.block_count', uint32Value(options.blockCount)],
    ['llama.feed_forward_length', uint32Value(options.feedForwardLength)],
    ['llama.attention.head_count', uint32Value(options.headCount)],
    ['llama.attention.head_count_kv', uint32Value(options.headCountKv)],
    ['llama.attention.layer_norm_rms_epsilon', float32Value(1e-5)],
    ['llama.rope.freq_base', float32Value(10_000)],
    ...tokenizer,
  ]);
  return withVocabSize(metadata, 'llama', options.vocabSize);
}

function tensorsOf(options: RandomModelOptions): TensorSource[] {
  const { embeddingLength: width, feedForwardLength: hidden, vocabSize } = options;
  const widthKv = (width / options.headCount) * options.headCountKv;
  const next = xorshift(options.seed);
  const matrix = (name: string, columns: number, rows: number) =>
    randomMatrix(`${name}.weight`, columns, rows, next);
  const blocks = Array.from({ length: options.blockCount }, (_, block) => {
    const at = (part: string) => `blk.${block}.${part}`;
    return [
      ones(`${at('attn_norm')}.weight`, width),
      matrix(at('attn_q'), width, width),
      matrix(at('attn_k'), width, widthKv),
      matrix(at('attn_v'), width, widthKv),
      matrix(at('attn_output'), width, width),
      ones(`${at('ffn_norm')}.weight`, width),
      matrix(at('ffn_gate'), width, hidden),
      matrix(at('ffn_up'), width, hidden),
      matrix(at('ffn_down'), hidden, width),
    ];
  });
  return [
    matrix('token_embd', width, vocabSize),
    ...blocks.flat(),
    ones('output_norm.weight', width),
    matrix('output', width, vocabSize),
  ];
}

function ones(name: string, width: number): TensorSource {
  const pieces = () => [new Uint8Array(new Float32Array(width).fill(1).buffer)];
  return { name, type: 'F32', dims: [width], pieces };
}

const pieceBytes = 2 ** 20;

/**
 * Signs and fractions are random, the exponent is one for the whole matrix: magnitudes lie within a
 * factor of two, of about 1/sqrt(columns), which keeps the size of what flows through.
 */
function randomMatrix(
  name: string,
  columns: number,
  rows: number,
  next: () => number,
): TensorSource {
  const exponent = Math.round(Math.log2(1 / Math.sqrt(columns))) + 14;
  const bits = (exponent << 10) * 0x10001;
  const pieces = function* () {
    const words = new Uint32Array(pieceBytes / 4);
    const bytes = new Uint8Array(words.buffer);
    for (let left = 2 * columns * rows; left > 0; left -= bytes.length) {
      // Two weights at a time: in each half sign and fraction are drawn, the exponent is set.
      for (let i = 0; i < words.length; i++) words[i] = (next() & 0x83ff83ff) | bits;
      yield bytes.subarray(0, left);
    }
  };
  return { name, type: 'F16', dims: [columns, rows], pieces };
}

/**
 * Marsaglia's 32-bit xorshift (13, 17, 5): quick, and random enough for weights that mean nothing.
 */
function xorshift(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}
