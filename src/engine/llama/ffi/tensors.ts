// Reads tensors of a graph while llama.cpp computes it, and native memory. Source:
// include/ggml-backend.h, ggml_backend_sched_eval_callback.

import koffi from 'koffi';
import type { LibraryFiles } from '../library.js';
import type { Pointer } from './structs.js';

/** What is needed to read tensors of a graph while it is computed. */
export interface TensorAccess {
  name(tensor: Pointer): string;
  rowCount(tensor: Pointer): number;
  byteCount(tensor: Pointer): number;
  /** Copies `bytes` of a computed tensor, from byte `at` on, from whatever device has them. */
  read(tensor: Pointer, into: Float32Array, at: number, bytes: number): void;
  /**
   * Makes a `cb_eval` of a function, which must not throw. llama.cpp calls it on the thread that
   * decodes, and only within `decode`; that thread must be the one that registers it.
   */
  registerEval(meet: (tensor: Pointer, ask: boolean) => boolean): Pointer;
  /** Once no context can call it any more. */
  unregisterEval(callback: Pointer): void;
}

let tensorDoor: TensorAccess | null = null;

/**
 * Call after openLlama, in the same thread; the second call in a thread returns the first one's.
 */
export function openTensors(files: LibraryFiles): TensorAccess {
  if (tensorDoor) return tensorDoor;
  const base = koffi.load(files.ggmlBase, { global: true });
  const callback = koffi.pointer(koffi.proto('bool', ['void*', 'bool', 'void*']));
  const rowCount = base.func('ggml_nrows', 'int64', ['void*']);
  const byteCount = base.func('ggml_nbytes', 'size_t', ['void*']);
  tensorDoor = {
    name: base.func('ggml_get_name', 'str', ['void*']),
    rowCount: (tensor) => Number(rowCount(tensor)),
    byteCount: (tensor) => Number(byteCount(tensor)),
    read: base.func('ggml_backend_tensor_get', 'void', ['void*', 'void*', 'size_t', 'size_t']),
    registerEval: (meet) => koffi.register(meet, callback),
    unregisterEval: (pointer) => koffi.unregister(pointer),
  };
  return tensorDoor;
}

/** Views `bytes` of native memory; valid while the owner keeps it. */
export function viewMemory(pointer: Pointer, bytes: number): ArrayBuffer {
  return koffi.view(pointer, bytes);
}

/** Numbers in native memory, all 0 at first, until they are freed. */
export interface NativeInts {
  readonly pointer: Pointer;
  readonly numbers: Int32Array;
  free(): void;
}

export function allocateInts(count: number): NativeInts {
  const pointer: Pointer = koffi.alloc('int32', count);
  const numbers = new Int32Array(viewMemory(pointer, count * 4)).fill(0);
  return { pointer, numbers, free: () => koffi.free(pointer) };
}
