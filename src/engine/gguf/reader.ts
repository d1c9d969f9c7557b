// Reads and checks the header of a GGUF file: metadata, tensor list, and that the file holds every
// promised byte. Never reads tensor data, never trusts a count before the bytes for it are known to
// exist. Own code because @huggingface/gguf neither bounds hostile counts and lengths nor checks
// where tensors lie.

import { decodeScalar, decodeText } from './decode.js';
import { FileCursor } from './file-cursor.js';
import { fileKindOf } from './file-kind.js';
import {
  aligned,
  alignmentDefault,
  type ElementType,
  elementBytes,
  type GgufArray,
  type GgufHeader,
  type GgufTensor,
  type GgufValue,
  ggufLimits,
  tensorBytes,
  tensorTypeById,
  tensorTypes,
  type ValueType,
  valueTypes,
  weightCount,
} from './format.js';
import { demand, naming, quoted, refuseModel } from './model-error.js';

/**
 * Smallest possible metadata entry (empty text under a one-letter key) and tensor entry (one
 * letter, one size).
 */
const entryBytesMin = { metadata: 8 + 1 + 4 + 1, tensor: 8 + 1 + 4 + 8 + 4 + 8 };

/**
 * The header of the GGUF file at `path`. Reads at most `limits.headerBytesMax` bytes and keeps no
 * file open.
 *
 * @throws PilotfishError, the message naming file, place and bound: `model-not-found` (none there,
 *   a folder, unreadable), `model-not-gguf` (with what it looks like), `model-truncated` (with the
 *   missing bytes), `model-malformed` (counts, lengths, types, sizes, offsets, duplicates),
 *   `model-unsupported` (big-endian, a version or tensor type that llama.cpp v0.5.0 does not read).
 */
export function readGguf(path: string): GgufHeader {
  return naming(path, () => {
    const cursor = new FileCursor(path, ggufLimits.headerBytesMax);
    try {
      return readHeader(path, cursor);
    } finally {
      cursor.close();
    }
  });
}

function readHeader(path: string, cursor: FileCursor): GgufHeader {
  const version = readVersion(cursor);
  const tensorCount = readCount(cursor, 'tensor', ggufLimits.tensorCountMax);
  const metadataCount = readCount(cursor, 'metadata', ggufLimits.metadataCountMax);
  const least =
    tensorCount * entryBytesMin.tensor + metadataCount * entryBytesMin.metadata - cursor.remaining;
  if (least > 0) {
    const counts = `${metadataCount} metadata entries and ${tensorCount} tensors`;
    refuseModel(
      'model-truncated',
      `the header lists ${counts}: at least ${least} bytes are missing`,
    );
  }
  const metadata = readMetadata(cursor, metadataCount);
  const alignment = alignmentOf(metadata);
  const tensors = readTensors(cursor, tensorCount);
  const dataOffset = aligned(cursor.position, alignment);
  checkPlaces(tensors, alignment, dataOffset, cursor.fileBytes);
  return { path, version, metadata, tensors, alignment, dataOffset, fileBytes: cursor.fileBytes };
}

function readVersion(cursor: FileCursor): 2 | 3 {
  if (cursor.fileBytes === 0) refuseModel('model-not-gguf', 'the file is empty; download it again');
  const start = cursor.peek(64);
  if (start.toString('latin1', 0, 4) !== 'GGUF') {
    const seen = fileKindOf(start);
    const looks = seen
      ? `it looks like ${seen.kind}: ${seen.remedy}`
      : `it begins with the bytes ${start.toString('hex', 0, 4)}, not with "GGUF"`;
    refuseModel('model-not-gguf', `not a GGUF file: ${looks}`);
  }
  cursor.skip(4);
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  // Version 2 or 3 in the other byte order.
  if (version === 0x02000000 || version === 0x03000000) {
    refuseModel('model-unsupported', 'the file is big-endian; download the little-endian variant');
  }
  if (version === 1 || (version > 3 && version < 100)) {
    refuseModel('model-unsupported', `GGUF version ${version}; versions 2 and 3 can be read`);
  }
  return refuseModel('model-malformed', `GGUF version ${version}, must be 2 or 3`);
}

function readCount(cursor: FileCursor, what: 'tensor' | 'metadata', max: number): number {
  const count = cursor.u64();
  demand(count <= BigInt(max), `${what} count ${count}, must be at most ${max}`);
  return Number(count);
}

function readText(cursor: FileCursor, what: string, bytesMax: number): string {
  const length = readLength(cursor, what, bytesMax);
  demand(length > 0, `${what} is empty`);
  return decodeText(cursor.take(length), what);
}

function readLength(cursor: FileCursor, what: string, max: number): number {
  const length = cursor.length();
  return length > max ? refuseLength(what, length, max) : length;
}

function refuseLength(
  what: string,
  length: number,
  max: number = ggufLimits.stringBytesMax,
): never {
  return refuseModel('model-malformed', `${what} is ${length} long, must be at most ${max}`);
}

function readMetadata(cursor: FileCursor, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = readText(cursor, `metadata key ${i}`, ggufLimits.keyBytesMax);
    const what = `metadata key ${quoted(key)}`;
    demand(!metadata.has(key), `${what} occurs twice`);
    metadata.set(key, readValue(cursor, what));
  }
  return metadata;
}

function readValue(cursor: FileCursor, what: string): GgufValue {
  const type = readValueType(cursor, what);
  if (type === 'array') return readArray(cursor, what);
  if (type === 'string') {
    const length = readLength(cursor, what, ggufLimits.stringBytesMax);
    return { type, value: decodeText(cursor.take(length), what) };
  }
  return decodeScalar(type, cursor.take(elementBytes[type]), what);
}

function readValueType(cursor: FileCursor, what: string): ValueType {
  const id = cursor.u32();
  demand(id < valueTypes.length, `${what} has type ${id}, must be below ${valueTypes.length}`);
  return valueTypes[id]!;
}

function readArray(cursor: FileCursor, what: string): GgufArray {
  const elementType = readValueType(cursor, what);
  demand(elementType !== 'array', `${what} is an array of arrays`);
  const count = readLength(cursor, `array ${what}, in elements,`, ggufLimits.arrayCountMax);
  const bytes =
    elementType === 'string'
      ? takeTexts(cursor, what, count)
      : cursor.take(count * elementBytes[elementType as ElementType]);
  return { type: 'array', elementType, count, bytes };
}

/** Walks the lengths first, so that nothing is allocated before all bytes are known to exist. */
function takeTexts(cursor: FileCursor, what: string, count: number): Uint8Array {
  return cursor.measure(() => {
    for (let i = 0; i < count; i++) {
      const length = cursor.length();
      // A vocabulary has 10^5 texts and more, so messages are built only for a refusal.
      if (length > ggufLimits.stringBytesMax) refuseLength(`text ${i} of ${what}`, length);
      cursor.skip(length);
    }
  });
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment');
  if (value === undefined) return alignmentDefault;
  demand(value.type === 'uint32', `general.alignment has type ${value.type}, must be uint32`);
  const alignment = value.value as number;
  // Below 32 llama.cpp refuses its own memory map with an assertion.
  const fits = alignment >= alignmentDefault && alignment <= ggufLimits.alignmentMax;
  demand(
    fits && Number.isInteger(Math.log2(alignment)),
    `general.alignment is ${alignment}, must be a power of two in [${alignmentDefault}, ${ggufLimits.alignmentMax}]`,
  );
  return alignment;
}

function readTensors(cursor: FileCursor, count: number): GgufTensor[] {
  const names = new Set<string>();
  return Array.from({ length: count }, (_, i) => {
    const name = readText(cursor, `the name of tensor ${i}`, ggufLimits.tensorNameBytesMax);
    demand(!names.has(name), `tensor ${quoted(name)} occurs twice`);
    names.add(name);
    return readTensor(cursor, name);
  });
}

function readTensor(cursor: FileCursor, name: string): GgufTensor {
  const what = `tensor ${quoted(name)}`;
  const dims = readDims(cursor, what);
  const id = cursor.u32();
  const type = tensorTypeById.get(id);
  if (!type) {
    refuseModel(
      'model-unsupported',
      `${what} has type ${id}, which llama.cpp v0.5.0 does not know`,
    );
  }
  const { blockLength } = tensorTypes[type];
  demand(
    dims[0]! % blockLength === 0,
    `${what} of type ${type} has rows of ${dims[0]}, must be a multiple of ${blockLength}`,
  );
  const offset = cursor.u64();
  demand(offset <= BigInt(Number.MAX_SAFE_INTEGER), `${what} has offset ${offset}`);
  return { name, dims, type, offset: Number(offset), bytes: tensorBytes(type, dims) };
}

function readDims(cursor: FileCursor, what: string): number[] {
  const dimCount = cursor.u32();
  demand(
    dimCount >= 1 && dimCount <= ggufLimits.dimCountMax,
    `${what} has ${dimCount} dimensions, must be in [1, ${ggufLimits.dimCountMax}]`,
  );
  const dims = Array.from({ length: dimCount }, (_, i) => {
    const dim = cursor.u64();
    demand(
      dim >= 1n && dim <= BigInt(ggufLimits.dimMax),
      `${what} has ${dim} as size ${i}, must be in [1, ${ggufLimits.dimMax}]`,
    );
    return Number(dim);
  });
  demand(
    weightCount(dims) <= ggufLimits.weightCountMax,
    `${what} has ${dims.join(' x ')} weights, must be at most ${ggufLimits.weightCountMax}`,
  );
  return dims;
}

/**
 * Like llama.cpp, accepts tensors only back to back in file order, each at the next aligned offset.
 */
function checkPlaces(
  tensors: readonly GgufTensor[],
  alignment: number,
  dataOffset: number,
  fileBytes: number,
): void {
  let expected = 0;
  for (const { name, offset, bytes } of tensors) {
    demand(
      offset === expected,
      `tensor ${quoted(name)} has offset ${offset}, must be ${expected}, the end of the one before it`,
    );
    const missing = dataOffset + offset + bytes - fileBytes;
    if (missing > 0) {
      const last = tensors.at(-1)!;
      const all = dataOffset + last.offset + last.bytes - fileBytes;
      refuseModel(
        'model-truncated',
        `tensor data ends ${Math.max(all, missing)} bytes beyond the end of the file, ` +
          `first in tensor ${quoted(name)}`,
      );
    }
    expected = aligned(offset + bytes, alignment);
  }
}
