// Encodes values and whole headers as GGUF v3, and makes values from a number or a text. Never
// touches a file, never decides what a model needs.

import { assert } from '../../base/assert.js';
import {
  type ElementType,
  elementBytes,
  type GgufScalar,
  type GgufValue,
  type TensorType,
  tensorTypes,
  valueTypes,
} from './format.js';

export type NumberType = Exclude<ElementType, 'string' | 'uint64' | 'int64'>;

/** The entry of a tensor in a header. */
export interface TensorEntry {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: TensorType;
  /** Bytes from the start of tensor data. */
  readonly offset: number;
}

const version = 3;

export const putNumber: Record<NumberType, (view: DataView, at: number, value: number) => void> = {
  uint8: (view, at, value) => view.setUint8(at, value),
  int8: (view, at, value) => view.setInt8(at, value),
  uint16: (view, at, value) => view.setUint16(at, value, true),
  int16: (view, at, value) => view.setInt16(at, value, true),
  uint32: (view, at, value) => view.setUint32(at, value, true),
  int32: (view, at, value) => view.setInt32(at, value, true),
  float32: (view, at, value) => view.setFloat32(at, value, true),
  bool: (view, at, value) => view.setUint8(at, value),
  float64: (view, at, value) => view.setFloat64(at, value, true),
};

export const uint32Value = (value: number): GgufScalar => ({ type: 'uint32', value });
export const float32Value = (value: number): GgufScalar => ({ type: 'float32', value });
export const textValue = (value: string): GgufScalar => ({ type: 'string', value });

/** The header, without the padding before tensor data. */
export function encodeHeader(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly TensorEntry[],
): Buffer {
  const entries = [...metadata].flatMap(([key, value]) => [textBytes(key), ...valueBytes(value)]);
  return Buffer.concat([
    Buffer.from('GGUF'),
    uint(version, 4),
    uint(tensors.length, 8),
    uint(metadata.size, 8),
    ...entries,
    ...tensors.flatMap(tensorEntryBytes),
  ]);
}

function tensorEntryBytes({ name, dims, type, offset }: TensorEntry): Buffer[] {
  return [
    textBytes(name),
    uint(dims.length, 4),
    ...dims.map((dim) => uint(dim, 8)),
    uint(tensorTypes[type].id, 4),
    uint(offset, 8),
  ];
}

function valueBytes(value: GgufValue): Uint8Array[] {
  const type = uint(valueTypes.indexOf(value.type), 4);
  if (value.type !== 'array') return [type, scalarBytes(value)];
  const { elementType, count, bytes } = value;
  assert(
    elementType === 'string' || bytes.length === count * elementBytes[elementType],
    `an array of ${count} ${elementType} has ${bytes.length} bytes`,
  );
  return [type, uint(valueTypes.indexOf(elementType), 4), uint(count, 8), bytes];
}

function scalarBytes(scalar: GgufScalar): Uint8Array {
  if (scalar.type === 'string') return textBytes(scalar.value);
  const bytes = new Uint8Array(elementBytes[scalar.type]);
  const view = new DataView(bytes.buffer);
  if (scalar.type === 'uint64') view.setBigUint64(0, scalar.value, true);
  else if (scalar.type === 'int64') view.setBigInt64(0, scalar.value, true);
  else putNumber[scalar.type](view, 0, Number(scalar.value));
  return bytes;
}

export function textBytes(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint(bytes.length, 8), bytes]);
}

function uint(value: number, bytes: 4 | 8): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeUInt32LE(value);
  else buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}
