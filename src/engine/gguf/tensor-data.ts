// Reads the data of one tensor of a file whose header was read before. Never interprets it; refuses
// a file that has changed since.

import { closeSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import { fillFrom, openRegular } from './file-cursor.js';
import type { GgufHeader, GgufTensor } from './format.js';
import { naming } from './model-error.js';

/**
 * The bytes of a tensor, owned by the caller.
 *
 * @throws PilotfishError `model-not-found` or `model-truncated` if the file has disappeared or
 *   shrunk since its header was read.
 */
export function readTensor(header: GgufHeader, tensor: GgufTensor): Buffer {
  const data = Buffer.allocUnsafeSlow(tensor.bytes);
  const from = header.dataOffset + tensor.offset;
  const done = readAt(header.path, data, from);
  if (done < data.length) {
    throw new PilotfishError(
      'model-truncated',
      `${header.path}: ended ${data.length - done} bytes early in tensor ${tensor.name}`,
    );
  }
  return data;
}

/**
 * Bytes compared at the beginning, in the middle and at the end; too many to be equal by chance.
 */
const sampleBytes = 65_536;

/** Whether two tensors of one shape and type hold the same numbers, judged by three samples. */
export function holdSame(header: GgufHeader, one: GgufTensor, other: GgufTensor): boolean {
  if (one.type !== other.type || one.dims.join() !== other.dims.join()) return false;
  const length = Math.min(sampleBytes, one.bytes);
  const last = one.bytes - length;
  return [0, Math.floor(last / 2), last].every((at) => {
    const [first, second] = [one, other].map(({ offset }) => {
      const data = Buffer.allocUnsafe(length);
      return data.subarray(0, readAt(header.path, data, header.dataOffset + offset + at));
    });
    return first!.length === length && first!.equals(second!);
  });
}

/** Fills `data` from the file and returns the number of bytes read. */
function readAt(path: string, data: Buffer, from: number): number {
  return naming(path, () => {
    const descriptor = openRegular(path);
    try {
      return fillFrom(descriptor, data, from);
    } finally {
      closeSync(descriptor);
    }
  });
}
