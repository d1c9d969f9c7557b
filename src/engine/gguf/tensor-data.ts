// Reads the data of one tensor of a file whose header was read before. Never interprets it; refuses
// a file that has changed since.

import { closeSync, openSync, readSync } from 'node:fs';
import { PilotfishError } from '../../base/error.js';
import type { GgufHeader, GgufTensor } from './format.js';

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
  try {
    const descriptor = openSync(path, 'r');
    try {
      let done = 0;
      for (let read = -1; read !== 0 && done < data.length; done += read) {
        read = readSync(descriptor, data, done, data.length - done, from + done);
      }
      return done;
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PilotfishError('model-not-found', `${path}: cannot be read (${reason})`, { cause });
  }
}
