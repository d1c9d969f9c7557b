// Makes a model that writes exactly what another writes, at the cost of a larger one: more blocks,
// wider blocks, more tokens. Reports must say "emulated". Llama architecture only.

import { PilotfishError } from '../../src/base/error.js';
import { float32Value, textValue, uint32Value } from '../../src/engine/gguf/encode.js';
import {
  type GgufHeader,
  type GgufTensor,
  type GgufValue,
  type TensorType,
  tensorBytes,
} from '../../src/engine/gguf/format.js';
import { optionalFloat } from '../../src/engine/gguf/metadata.js';
import { checkModelFile, type ModelFacts } from '../../src/engine/gguf/model-file.js';
import { readGguf } from '../../src/engine/gguf/reader.js';
import { readTensor } from '../../src/engine/gguf/tensor-data.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/writer.js';
import { withVocabSize } from '../filler-tokens.js';

export interface InflateOptions {
  /** Blocks of the larger model, at least those of the source, at most 512. Default: as many. */
  readonly blockCount?: number;
  /** A multiple of the source's width; heads grow in number, not in size. */
  readonly embeddingLength?: number;
  /** Of a feed-forward part: at least the source's, a multiple of the type's block length. */
  readonly feedForwardLength?: number;
  /** Tokens, at least the source's. More than the source's need a larger `embeddingLength`. */
  readonly vocabSize?: number;
  /** Tokens of context in the header. Default: the source's. */
  readonly contextLength?: number;
  /** Default: real blocks spread evenly, the last one last; `first`: all at the beginning. */
  readonly placement?: 'spread' | 'first';
}

export interface Inflated {
  readonly fileBytes: number;
  /** [blocks of the source], where each of them is in the larger model. */
  readonly realBlocks: readonly number[];
}

interface Sizes {
  readonly blockCount: number;
  readonly width: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly feedForward: number;
  readonly vocab: number;
}

interface Plan {
  readonly header: GgufHeader;
  readonly facts: ModelFacts;
  readonly from: Sizes;
  readonly to: Sizes;
  readonly realBlocks: readonly number[];
  readonly contextLength: number | null;
}

/**
 * Writes the larger model to `targetPath`.
 *
 * **Blocks.** A block adds attn_output times one thing and ffn_down times another to the stream;
 * with both matrices zero it adds zero. The other matrices of an identity block are those of a real
 * one, so that it costs what one costs.
 *
 * **Width.** The stream gets numbers that are always zero: embedding, attn_output and ffn_down
 * write none there, the other matrices read them with weight zero. RMSNorm divides by sqrt(sum /
 * width + eps), so a stream m times as wide with the same sum comes out sqrt(m) times too large;
 * norm weights divided by sqrt(m) and eps by m set it right, exactly where m is a power of 4. Heads
 * are added in whole groups and read by attn_output with weight zero.
 *
 * **Tokens.** Zero rows in the output would give logit 0, which can win. So one of the new numbers
 * of the stream is 2^-14 for every token, too small to move any norm; the last norm raises it, and
 * the rows of new tokens read it, alone, with a large negative weight. Their logits lie below every
 * real one by thousands.
 *
 * @returns bytes written and the places of the real blocks.
 * @throws PilotfishError `usage` for sizes that do not fit the source; `model-unsupported` for a
 *   source that is not a plain llama; those of `checkModelFile` and `writeGguf`.
 */
export function inflate(sourcePath: string, targetPath: string, options: InflateOptions): Inflated {
  const plan = planOf(sourcePath, options);
  const fileBytes = writeGguf(targetPath, metadataOf(plan), tensorsOf(plan));
  return { fileBytes, realBlocks: plan.realBlocks };
}

function planOf(sourcePath: string, options: InflateOptions): Plan {
  const facts = checkModelFile(sourcePath);
  const header = readGguf(sourcePath);
  refuseUnknown(facts, header);
  const from: Sizes = {
    blockCount: facts.blockCount,
    width: facts.embeddingLength,
    headCount: facts.headCount,
    headCountKv: facts.headCountKv,
    feedForward: facts.feedForwardLength!,
    vocab: facts.vocabSize,
  };
  const { blockCount = from.blockCount, embeddingLength = from.width } = options;
  const { feedForwardLength = from.feedForward, vocabSize = from.vocab } = options;
  const wider = embeddingLength / from.width;
  demandSize('embeddingLength', wider, Number.isInteger(wider) && wider >= 1, 'times the source');
  demandSize('blockCount', blockCount, blockCount >= from.blockCount && blockCount <= 512);
  demandSize('feedForwardLength', feedForwardLength, feedForwardLength >= from.feedForward);
  demandSize('vocabSize', vocabSize, vocabSize >= from.vocab);
  demandSize('vocabSize', vocabSize, vocabSize === from.vocab || wider > 1, 'in the same width');
  const to: Sizes = {
    blockCount,
    width: embeddingLength,
    headCount: from.headCount * wider,
    headCountKv: from.headCountKv * wider,
    feedForward: feedForwardLength,
    vocab: vocabSize,
  };
  const realBlocks = placesOf(from.blockCount, blockCount, options);
  return { header, facts, from, to, realBlocks, contextLength: options.contextLength ?? null };
}

function placesOf(real: number, all: number, { placement = 'spread' }: InflateOptions): number[] {
  const place = (block: number) =>
    placement === 'first' ? block : Math.ceil(((block + 1) * all) / real) - 1;
  return Array.from({ length: real }, (_, block) => place(block));
}

function demandSize(name: string, value: number, fits: boolean, unit = ''): void {
  if (fits && Number.isInteger(value)) return;
  throw new PilotfishError('usage', `${name}: ${value} ${unit} does not fit the source model`);
}

/** How the rows and columns of each matrix grow, and what its new rows hold. */
type Extent = 'width' | 'heads' | 'headsKv' | 'feedForward' | 'vocab';
interface Growth {
  readonly columns: Extent;
  readonly rows: Extent;
  /** New rows repeat the old ones (their results are read with weight zero), or are zero. */
  readonly newRows: 'repeat' | 'zero';
}

const blockMatrices: Readonly<Record<string, Growth>> = {
  attn_q: { columns: 'width', rows: 'heads', newRows: 'repeat' },
  attn_k: { columns: 'width', rows: 'headsKv', newRows: 'repeat' },
  attn_v: { columns: 'width', rows: 'headsKv', newRows: 'repeat' },
  attn_output: { columns: 'heads', rows: 'width', newRows: 'zero' },
  ffn_gate: { columns: 'width', rows: 'feedForward', newRows: 'repeat' },
  ffn_up: { columns: 'width', rows: 'feedForward', newRows: 'repeat' },
  ffn_down: { columns: 'feedForward', rows: 'width', newRows: 'zero' },
};
const blockNorms = ['attn_norm', 'ffn_norm'];
/** Zero in an identity block. */
const writers = ['attn_output', 'ffn_down'];
const vocabMatrix: Growth = { columns: 'width', rows: 'vocab', newRows: 'zero' };

/** One number for all blocks; a list would have to grow with them. */
const uniform = ['attention.head_count', 'attention.head_count_kv', 'feed_forward_length'];

function refuseUnknown({ architecture, expertCount }: ModelFacts, header: GgufHeader): void {
  const parts = [...Object.keys(blockMatrices), ...blockNorms].map((part) => `blk.N.${part}`);
  const known = new Set(['token_embd', 'output_norm', 'output', 'rope_freqs', ...parts]);
  const generic = (name: string) => name.replace(/^blk\.\d+\./, 'blk.N.').replace(/\.weight$/, '');
  const tensor = header.tensors.find(({ name }) => !known.has(generic(name)));
  const list = uniform.find((key) => header.metadata.get(`llama.${key}`)?.type === 'array');
  if (architecture === 'llama' && expertCount === 0 && !tensor && !list) return;
  const why = tensor?.name ?? list ?? `${architecture} with ${expertCount} experts`;
  throw new PilotfishError('model-unsupported', `${header.path}: not a plain llama model: ${why}`);
}

function metadataOf({ header, facts, from, to, contextLength }: Plan): Map<string, GgufValue> {
  const metadata = new Map(withVocabSize(header.metadata, facts.architecture, to.vocab));
  const epsilonKey = 'llama.attention.layer_norm_rms_epsilon';
  const epsilon = optionalFloat(metadata, epsilonKey, { min: 0, max: 1 }) ?? 0;
  metadata.set('general.name', textValue(`${facts.name} (inflated, for benchmarks)`));
  if (contextLength !== null) metadata.set('llama.context_length', uint32Value(contextLength));
  metadata.set('llama.block_count', uint32Value(to.blockCount));
  metadata.set('llama.embedding_length', uint32Value(to.width));
  metadata.set('llama.feed_forward_length', uint32Value(to.feedForward));
  metadata.set('llama.attention.head_count', uint32Value(to.headCount));
  metadata.set('llama.attention.head_count_kv', uint32Value(to.headCountKv));
  metadata.set(epsilonKey, float32Value((epsilon * from.width) / to.width));
  return metadata;
}

/** What carries the new tokens' logits: bits of numbers that F16, BF16 and F32 hold exactly. */
const whisper = { F16: 0x0400, BF16: 0x3880, F32: 0x38800000 }; // 2^-14
const veto = { F16: 0xf800, BF16: 0xc700, F32: 0xc7000000 }; // -2^15
const amplifier = 2 ** 20;
type Bits = Partial<Record<TensorType, number>>;

function tensorsOf(plan: Plan): TensorSource[] {
  const named = new Map(plan.header.tensors.map((tensor) => [tensor.name, tensor]));
  const get = (name: string) => named.get(`${name}.weight`)!;
  const longer = plan.to.vocab > plan.from.vocab;
  const tensors = [grown(plan, get('token_embd'), vocabMatrix, longer ? () => whisper : null)];
  for (let block = 0; block < plan.to.blockCount; block++) {
    tensors.push(...blockOf(plan, get, block));
  }
  tensors.push(normOf(plan, get('output_norm'), 'output_norm.weight', longer ? amplifier : 0));
  // Without an output of its own the model reads the embedding, whose new column says nothing about
  // logits.
  const output = get('output') ?? (longer ? get('token_embd') : null);
  const vetoed = (row: number) => (row < plan.from.vocab ? null : veto);
  if (output) {
    const matrix = grown(plan, output, vocabMatrix, longer ? vetoed : null);
    tensors.push({ ...matrix, name: 'output.weight' });
  }
  const factors = get('rope_freqs');
  if (factors) tensors.push({ ...factors, pieces: () => [readTensor(plan.header, factors)] });
  return tensors;
}

/** A block of the source in its place, or an identity block made of one. */
function blockOf(plan: Plan, get: (name: string) => GgufTensor, block: number): TensorSource[] {
  const real = plan.realBlocks.indexOf(block);
  const source = real < 0 ? block % plan.from.blockCount : real;
  const norms = blockNorms.map((part) =>
    normOf(plan, get(`blk.${source}.${part}`), `blk.${block}.${part}.weight`, 0),
  );
  const matrices = Object.entries(blockMatrices).map(([part, growth]) => {
    const matrix = grown(plan, get(`blk.${source}.${part}`), growth, null);
    const silent = real < 0 && writers.includes(part);
    const pieces = silent ? () => zeroPieces(tensorBytes(matrix.type, matrix.dims)) : matrix.pieces;
    return { ...matrix, name: `blk.${block}.${part}.weight`, pieces };
  });
  return [...norms, ...matrices];
}

const pieceBytes = 2 ** 20;

function* zeroPieces(bytes: number): Generator<Uint8Array> {
  const zeros = new Uint8Array(Math.min(pieceBytes, bytes));
  for (let left = bytes; left > 0; left -= zeros.length) yield zeros.subarray(0, left);
}

function extent({ width, headCount, headCountKv, feedForward, vocab }: Sizes, headLength: number) {
  const heads = headCount * headLength;
  return { width, heads, headsKv: headCountKv * headLength, feedForward, vocab };
}

/** @param mark bits to put into the first new column of a row, or null. */
function grown(
  plan: Plan,
  tensor: GgufTensor,
  growth: Growth,
  mark: ((row: number) => Bits | null) | null,
): TensorSource {
  const after = extent(plan.to, headLengthOf(plan));
  const dims = [after[growth.columns], after[growth.rows]];
  const { type, name } = tensor;
  if (mark && !(type in veto)) {
    throw new PilotfishError('model-unsupported', `${name} is ${type}, must be F16, BF16 or F32`);
  }
  const pieces = () => grownRows(plan.header, tensor, dims, growth.newRows === 'repeat', mark);
  return { name, type, dims, pieces };
}

/** The rows of a larger matrix. @param repeats new rows are the old ones again, else zero. */
export function* grownRows(
  header: GgufHeader,
  tensor: GgufTensor,
  [columns, rows]: readonly number[],
  repeats = false,
  mark: ((row: number) => Bits | null) | null = null,
): Generator<Uint8Array> {
  const { type, dims } = tensor;
  const data = readTensor(header, tensor);
  const rowsBefore = dims[1]!;
  const rowBytes = data.length / rowsBefore;
  for (let row = 0; row < rows!; row++) {
    const out = Buffer.alloc(tensorBytes(type, [columns!]));
    const source = repeats ? row % rowsBefore : row;
    if (source < rowsBefore) data.copy(out, 0, source * rowBytes, (source + 1) * rowBytes);
    const bits = mark?.(row)?.[type];
    if (bits !== undefined) out.writeUIntLE(bits, rowBytes, type === 'F32' ? 4 : 2);
    yield out;
  }
}

/** A wider norm. @param end float32 [width] whose numbers beyond the norm's own are taken over. */
export function grownNorm(header: GgufHeader, tensor: GgufTensor, end: Buffer): Buffer {
  const data = readTensor(header, tensor);
  const grown = Buffer.from(end);
  const scale = Math.sqrt(data.length / end.length);
  for (let at = 0; at < data.length; at += 4) grown.writeFloatLE(data.readFloatLE(at) * scale, at);
  return grown;
}

/** @param first what the first new number is; the others are zero. */
function normOf(plan: Plan, tensor: GgufTensor, name: string, first: number): TensorSource {
  const { from, to, header } = plan;
  const end = Buffer.alloc(4 * to.width);
  if (to.width > from.width) end.writeFloatLE(first, 4 * from.width);
  return { name, type: 'F32', dims: [to.width], pieces: () => [grownNorm(header, tensor, end)] };
}

function headLengthOf({ header, from }: Plan): number {
  const queries = header.tensors.find(({ name }) => name === 'blk.0.attn_q.weight')!;
  return queries.dims[1]! / from.headCount;
}
