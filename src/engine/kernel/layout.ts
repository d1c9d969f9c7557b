// Lays out the memory of a kernel. It is sized once for a vocabulary and never grows, so views stay
// valid. Must agree with the buffer sizes that tools/kernel uses.

/** Bytes per WebAssembly page. */
const pageBytes = 65536;
/** Rows are padded to this many logits: a whole number of blocks (32), and of four block maxima. */
const rowMultiple = 128;
/** Logits per block of `scan`. */
const blockLength = 32;

/** Byte offsets, each a multiple of 16. */
export interface KernelLayout {
  /** Logits of the row with its padding, a multiple of 128. */
  readonly paddedSize: number;
  readonly blockCount: number;
  /** f32 [paddedSize] */
  readonly row: number;
  /** f32 [blockCount] */
  readonly maxima: number;
  /** f64 [paddedSize] */
  readonly weights: number;
  /** u32 [256]; also holds the constants of `weigh`. */
  readonly buckets: number;
  /** Entries to sort, u64 [paddedSize]; also the work area of a race. */
  readonly scratch: number;
  /** u64 [paddedSize], directly after scratch. */
  readonly spare: number;
  readonly pageCount: number;
}

/** @param vocabSize >= 1. */
export function layoutOf(vocabSize: number): KernelLayout {
  const paddedSize = Math.ceil(vocabSize / rowMultiple) * rowMultiple;
  const blockCount = paddedSize / blockLength;
  const row = 0;
  const maxima = row + 4 * paddedSize;
  const weights = maxima + 4 * blockCount;
  const buckets = weights + 8 * paddedSize;
  const scratch = buckets + 1024;
  const spare = scratch + 8 * paddedSize;
  // A race needs 16 bytes a token, as much as scratch and spare together, and 64 + 8 * 64 before
  // them.
  const end = spare + 8 * paddedSize + 576;
  const pageCount = Math.ceil(end / pageBytes);
  return { paddedSize, blockCount, row, maxima, weights, buckets, scratch, spare, pageCount };
}
