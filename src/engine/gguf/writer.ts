// Writes a GGUF v3 file: metadata as given, tensors back to back, their data pulled in pieces.
// Holds at most one piece of a tensor. The file appears under its name only when it is complete.

import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { assert } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import { encodeHeader } from './encode.js';
import {
  aligned,
  alignmentDefault,
  type GgufValue,
  ggufLimits,
  type TensorType,
  tensorBytes,
  tensorTypes,
} from './format.js';

/** A tensor to write. */
export interface TensorSource {
  readonly name: string;
  /**
   * 1 to 4 sizes, the fastest-varying first; the first is a multiple of the type's block length.
   */
  readonly dims: readonly number[];
  readonly type: TensorType;
  /**
   * Its data in order, in pieces of any length, `tensorBytes(type, dims)` in total. Called once;
   * pieces may be reused.
   */
  readonly pieces: () => Iterable<Uint8Array>;
}

/**
 * Writes the file and replaces any file at `path`.
 *
 * @param metadata written in its order; `general.alignment`, if present, sets the alignment (a
 *   power of two >= 32).
 * @returns bytes written.
 * @throws PilotfishError `usage` if the file cannot be written there; errors of a source's `pieces`
 *   pass through. An incomplete file is removed in both cases.
 */
export function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly TensorSource[],
): number {
  const alignment = alignmentIn(metadata);
  const header = encodeHeader(metadata, placed(tensors, alignment));
  const partial = `${path}.partial`;
  const descriptor = onDisk(path, () => openSync(partial, 'w'));
  try {
    let at = writeAll(path, descriptor, header);
    for (const tensor of tensors) {
      at += writeAll(path, descriptor, padding(at, alignment));
      at += writeTensor(path, descriptor, tensor);
    }
    // llama.cpp expects the last tensor to be padded like the others.
    at += writeAll(path, descriptor, padding(at, alignment));
    onDisk(path, () => renameSync(partial, path));
    return at;
  } finally {
    closeSync(descriptor);
    rmSync(partial, { force: true });
  }
}

function alignmentIn(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment');
  if (value === undefined) return alignmentDefault;
  assert(value.type === 'uint32', `general.alignment has type ${value.type}`);
  const alignment = Number(value.value);
  assert(
    alignment >= alignmentDefault && Number.isInteger(Math.log2(alignment)),
    `general.alignment is ${alignment}, must be a power of two, at least ${alignmentDefault}`,
  );
  return alignment;
}

/** The tensors with their offsets in file order. */
function placed(tensors: readonly TensorSource[], alignment: number) {
  const names = new Set<string>();
  let offset = 0;
  return tensors.map(({ name, dims, type }) => {
    assert(!names.has(name), `tensor ${name} is given twice`);
    assert(
      Buffer.byteLength(name) <= ggufLimits.tensorNameBytesMax,
      `tensor name ${name} is too long`,
    );
    assert(
      dims[0]! % tensorTypes[type].blockLength === 0,
      `tensor ${name}: ${type} in rows of ${dims[0]}`,
    );
    names.add(name);
    const entry = { name, dims, type, offset };
    offset = aligned(offset + tensorBytes(type, dims), alignment);
    return entry;
  });
}

function writeTensor(path: string, descriptor: number, tensor: TensorSource): number {
  const expected = tensorBytes(tensor.type, tensor.dims);
  let written = 0;
  for (const piece of tensor.pieces()) {
    written += writeAll(path, descriptor, piece);
    assert(written <= expected, `tensor ${tensor.name}: more than ${expected} bytes given`);
  }
  assert(
    written === expected,
    `tensor ${tensor.name}: ${written} bytes given, must be ${expected}`,
  );
  return written;
}

function writeAll(path: string, descriptor: number, bytes: Uint8Array): number {
  for (let done = 0; done < bytes.length; ) {
    done += onDisk(path, () => writeSync(descriptor, bytes, done));
  }
  return bytes.length;
}

function padding(at: number, alignment: number): Uint8Array {
  return new Uint8Array(aligned(at, alignment) - at);
}

function onDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PilotfishError('usage', `${path}: cannot be written (${reason})`, { cause });
  }
}
