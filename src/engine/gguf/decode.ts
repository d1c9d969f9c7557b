// Decodes the content of a header: scalars while reading, arrays on demand, bytes of texts into
// strings. Never reads a file; the reader has checked all lengths inside array bytes.

import { assert } from '../../base/assert.js';
import { type ElementType, elementBytes, type GgufArray, type GgufScalar } from './format.js';
import { demand, refuseModel } from './model-error.js';

type Scalar = Exclude<ElementType, 'string'>;

const getNumber: Record<Scalar, (view: DataView, at: number) => number> = {
  uint8: (view, at) => view.getUint8(at),
  int8: (view, at) => view.getInt8(at),
  uint16: (view, at) => view.getUint16(at, true),
  int16: (view, at) => view.getInt16(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int32: (view, at) => view.getInt32(at, true),
  float32: (view, at) => view.getFloat32(at, true),
  bool: (view, at) => view.getUint8(at),
  uint64: (view, at) => Number(view.getBigUint64(at, true)),
  int64: (view, at) => Number(view.getBigInt64(at, true)),
  float64: (view, at) => view.getFloat64(at, true),
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Text of a key, a name or a string value.
 *
 * @param what names the text in the message.
 * @throws PilotfishError `model-malformed` for bytes that are not UTF-8, and for NUL: llama.cpp
 *   ends a text there, so it would see another text than the one we checked.
 */
export function decodeText(bytes: Uint8Array, what: string): string {
  demand(!bytes.includes(0), `${what} contains a NUL byte`);
  try {
    return utf8.decode(bytes);
  } catch {
    return refuseModel('model-malformed', `${what} is not valid UTF-8`);
  }
}

/** One scalar from the start of `bytes`, which holds exactly its bytes. */
export function decodeScalar(type: Scalar, bytes: Uint8Array, what: string): GgufScalar {
  if (type === 'bool') {
    demand(bytes[0]! <= 1, `${what} is a bool of value ${bytes[0]}, must be 0 or 1`);
    return { type, value: bytes[0] === 1 };
  }
  if (type === 'uint64' || type === 'int64') {
    const view = viewOf(bytes);
    return {
      type,
      value: type === 'uint64' ? view.getBigUint64(0, true) : view.getBigInt64(0, true),
    };
  }
  return { type, value: getNumber[type](viewOf(bytes), 0) };
}

/**
 * [count] elements of a number or bool array; 64-bit integers are rounded to the nearest double.
 */
export function arrayNumbers(array: GgufArray): Float64Array {
  const { elementType, count } = array;
  assert(elementType !== 'string', 'a string array has no numbers');
  const view = viewOf(array.bytes);
  const step = elementBytes[elementType];
  const get = getNumber[elementType];
  return Float64Array.from({ length: count }, (_, i) => get(view, i * step));
}

/** The bytes of each string, in order: views into the array, not copies. */
export function* arrayTexts(array: GgufArray): Generator<Uint8Array> {
  assert(array.elementType === 'string', `an array of ${array.elementType} has no texts`);
  const view = viewOf(array.bytes);
  for (let at = 0; at < array.bytes.length; ) {
    const length = view.getUint32(at, true) + 2 ** 32 * view.getUint32(at + 4, true);
    yield array.bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
