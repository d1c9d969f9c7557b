// Makes and frees ggml's thread pools. Their functions belong to the CPU backend, which is loaded
// at run time, so they are looked up by name in its registry. Sources: include/ggml.h
// (ggml_threadpool_params), include/ggml-cpu.h, src/ggml-cpu/ggml-cpu.c of llama.cpp 0.5.0.

import koffi from 'koffi';
import { PilotfishError } from '../../../base/error.js';
import type { LibraryFiles } from '../library.js';
import type { Pointer } from './structs.js';

/** How the threads of a pool wait and where they run. */
export interface ThreadPoolParams {
  /** Threads that compute, the one that calls `decode` included, in [1, 512]. */
  readonly threadCount: number;
  /** Of 100: how long a thread spins for its next pass before it sleeps; 50 is about 0.3 s. */
  readonly poll: number;
  /** -1 low, 0 normal, 1 medium, 2 high, 3 real-time. */
  readonly priority: number;
  /** Processors that the threads may use; empty leaves it to the system. */
  readonly processors: readonly number[];
  /** Each thread gets one of the processors, in order. */
  readonly isPinned: boolean;
}

export interface ThreadPools {
  /** Null where ggml makes none. */
  create(params: ThreadPoolParams): Pointer | null;
  /** After the contexts that it was attached to are freed. */
  free(pool: Pointer): void;
}

/** Bytes of ggml_threadpool_params, and where its fields begin after a flag for each processor. */
const processorsMax = 512;
const layout = { threads: 512, priority: 516, poll: 520, strict: 524, bytes: 528 } as const;
/** GGML_BACKEND_DEVICE_TYPE_CPU */
const cpuDevice = 0;

/**
 * Call after openLlama, in the thread that decodes.
 *
 * @returns null where the CPU backend has no thread pools, as those built with OpenMP may not.
 * @throws PilotfishError `library-incompatible` when the struct's defaults do not read back.
 */
export function openThreadPools(files: LibraryFiles): ThreadPools | null {
  const base = koffi.load(files.ggmlBase, { global: true });
  const ggml = koffi.load(files.ggml, { global: true });
  const initParams = base.func('ggml_threadpool_params_init', 'void', ['void*', 'int32']);
  const deviceByType = ggml.func('ggml_backend_dev_by_type', 'void*', ['int32']);
  const registryOf = base.func('ggml_backend_dev_backend_reg', 'void*', ['void*']);
  const addressOf = base.func('ggml_backend_reg_get_proc_address', 'void*', ['void*', 'str']);
  const device: Pointer | null = deviceByType(cpuDevice);
  if (device === null) return null;
  const registry: Pointer = registryOf(device);
  const makeAt: Pointer | null = addressOf(registry, 'ggml_threadpool_new');
  const freeAt: Pointer | null = addressOf(registry, 'ggml_threadpool_free');
  if (makeAt === null || freeAt === null) return null;
  const make = koffi.proto('void*', ['void*']);
  const free = koffi.proto('void', ['void*']);
  return {
    create: (params) => koffi.call(makeAt, make, fillParams(params, initParams, files)),
    free: (pool) => koffi.call(freeAt, free, pool),
  };
}

function fillParams(
  { threadCount, poll, priority, processors, isPinned }: ThreadPoolParams,
  initParams: (bytes: Uint8Array, threadCount: number) => void,
  files: LibraryFiles,
): Uint8Array {
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  initParams(bytes, threadCount);
  const read = [view.getInt32(layout.threads, true), view.getUint32(layout.poll, true)];
  if (read[0] !== threadCount || read[1] !== 50) {
    throw new PilotfishError(
      'library-incompatible',
      `ggml_threadpool_params of the library in ${files.folder} do not read back: ${read.join(', ')}`,
    );
  }
  view.setInt32(layout.priority, priority, true);
  view.setUint32(layout.poll, poll, true);
  view.setUint8(layout.strict, isPinned ? 1 : 0);
  for (const processor of processors) if (processor < processorsMax) bytes[processor] = 1;
  return bytes;
}
