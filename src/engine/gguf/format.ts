// Defines the terms of GGUF v2 and v3: value types, tensor types with their block sizes, limits,
// and the content of a header. Never reads a file. Source: ggml's docs/gguf.md and the type traits
// of llama.cpp v0.5.0.

/** Value types by their number in the file. */
export const valueTypes = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

export type ValueType = (typeof valueTypes)[number];
/**
 * Every type but array: arrays of arrays exist in the format, but model readers do not accept them.
 */
export type ElementType = Exclude<ValueType, 'array'>;

/** Bytes of one element; a string has no fixed size and is 0 here. */
export const elementBytes: Readonly<Record<ElementType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 0,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/**
 * An array in its file encoding, decoded on demand (decode.ts): a vocabulary is read once, most
 * arrays never.
 */
export interface GgufArray {
  readonly type: 'array';
  readonly elementType: ElementType;
  readonly count: number;
  /** Elements in file order; a string is its length in 8 bytes, then its bytes. */
  readonly bytes: Uint8Array;
}

export type GgufScalar =
  | {
      readonly type: Exclude<ElementType, 'bool' | 'string' | 'uint64' | 'int64'>;
      readonly value: number;
    }
  | { readonly type: 'uint64' | 'int64'; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string };

export type GgufValue = GgufScalar | GgufArray;

/** Layout of a tensor type: `blockLength` weights share `blockBytes` bytes. */
export interface TensorLayout {
  readonly id: number;
  readonly blockLength: number;
  readonly blockBytes: number;
}

const layout = (id: number, blockLength: number, blockBytes: number): TensorLayout => ({
  id,
  blockLength,
  blockBytes,
});

/** Tensor types of llama.cpp v0.5.0; the missing numbers are types that it has removed. */
export const tensorTypes = {
  F32: layout(0, 1, 4),
  F16: layout(1, 1, 2),
  Q4_0: layout(2, 32, 18),
  Q4_1: layout(3, 32, 20),
  Q5_0: layout(6, 32, 22),
  Q5_1: layout(7, 32, 24),
  Q8_0: layout(8, 32, 34),
  Q8_1: layout(9, 32, 36),
  Q2_K: layout(10, 256, 84),
  Q3_K: layout(11, 256, 110),
  Q4_K: layout(12, 256, 144),
  Q5_K: layout(13, 256, 176),
  Q6_K: layout(14, 256, 210),
  Q8_K: layout(15, 256, 292),
  IQ2_XXS: layout(16, 256, 66),
  IQ2_XS: layout(17, 256, 74),
  IQ3_XXS: layout(18, 256, 98),
  IQ1_S: layout(19, 256, 50),
  IQ4_NL: layout(20, 32, 18),
  IQ3_S: layout(21, 256, 110),
  IQ2_S: layout(22, 256, 82),
  IQ4_XS: layout(23, 256, 136),
  I8: layout(24, 1, 1),
  I16: layout(25, 1, 2),
  I32: layout(26, 1, 4),
  I64: layout(27, 1, 8),
  F64: layout(28, 1, 8),
  IQ1_M: layout(29, 256, 56),
  BF16: layout(30, 1, 2),
  TQ1_0: layout(34, 256, 54),
  TQ2_0: layout(35, 256, 66),
  MXFP4: layout(39, 32, 17),
  NVFP4: layout(40, 64, 36),
  Q1_0: layout(41, 128, 18),
  Q2_0: layout(42, 64, 18),
} as const satisfies Record<string, TensorLayout>;

export type TensorType = keyof typeof tensorTypes;

export const tensorTypeById: ReadonlyMap<number, TensorType> = new Map(
  (Object.keys(tensorTypes) as TensorType[]).map((name) => [tensorTypes[name].id, name]),
);

export interface GgufTensor {
  readonly name: string;
  /** 1 to 4 sizes, the fastest-varying first: a matrix is [columns, rows]. */
  readonly dims: readonly number[];
  readonly type: TensorType;
  /** Bytes from the header's `dataOffset`. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly path: string;
  readonly version: 2 | 3;
  /** In file order. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** In file order, which is the order of their offsets. */
  readonly tensors: readonly GgufTensor[];
  /** Tensor data starts at multiples of this, a power of two. */
  readonly alignment: number;
  /** Start of tensor data, in bytes from the start of the file. */
  readonly dataOffset: number;
  readonly fileBytes: number;
}

export const alignmentDefault = 32;

/**
 * Bounds of a header. Each is several times the need of the largest published models, and small
 * enough that a hostile file wastes neither memory nor time. tensorNameBytesMax and dimCountMax are
 * llama.cpp's own.
 */
export const ggufLimits = {
  headerBytesMax: 128 * 2 ** 20,
  metadataCountMax: 4096,
  tensorCountMax: 65_536,
  keyBytesMax: 65_535,
  stringBytesMax: 64 * 2 ** 20,
  arrayCountMax: 16 * 2 ** 20,
  tensorNameBytesMax: 63,
  dimCountMax: 4,
  dimMax: 2 ** 31 - 1,
  weightCountMax: 2 ** 46,
  alignmentMax: 65_536,
} as const;

/** Number of weights in a tensor of these sizes. */
export function weightCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Bytes of a tensor. The first size must be a multiple of the type's block length. */
export function tensorBytes(type: TensorType, dims: readonly number[]): number {
  const { blockLength, blockBytes } = tensorTypes[type];
  return (weightCount(dims) / blockLength) * blockBytes;
}

/** The smallest multiple of `alignment` that is at least `offset`. */
export function aligned(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
