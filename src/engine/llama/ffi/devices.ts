// Lists the compute devices that ggml sees. Source: include/ggml-backend.h.

import koffi from 'koffi';
import type { LibraryFiles } from '../library.js';
import type { Pointer } from './structs.js';

/** A compute device that ggml sees. */
export interface ComputeDevice {
  readonly name: string;
  readonly description: string;
  readonly kind: 'cpu' | 'gpu' | 'other';
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** All devices of the registered backends; call after openLlama. */
export function computeDevices(files: LibraryFiles): ComputeDevice[] {
  const base = koffi.load(files.ggmlBase, { global: true });
  const ggml = koffi.load(files.ggml, { global: true });
  const count: number = ggml.func('ggml_backend_dev_count', 'size_t', [])();
  const get = ggml.func('ggml_backend_dev_get', 'void*', ['size_t']);
  const name = base.func('ggml_backend_dev_name', 'str', ['void*']);
  const description = base.func('ggml_backend_dev_description', 'str', ['void*']);
  const kind = base.func('ggml_backend_dev_type', 'int32', ['void*']);
  const memory = base.func('ggml_backend_dev_memory', 'void', ['void*', 'void*', 'void*']);
  return Array.from({ length: count }, (_, index) => {
    const device: Pointer = get(index);
    const free = new BigUint64Array(1);
    const total = new BigUint64Array(1);
    memory(device, free, total);
    return {
      name: name(device),
      description: description(device),
      kind: (['cpu', 'gpu', 'gpu'] as const)[kind(device) as number] ?? 'other',
      totalBytes: Number(total[0]),
      freeBytes: Number(free[0]),
    };
  });
}
