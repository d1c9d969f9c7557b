// Compiles and starts the row kernel's WebAssembly. Runs on any platform whose WebAssembly has
// SIMD: node, workers, browsers. So it uses no node module and only the few ambient names declared
// here.

import { assert } from '../../base/assert.js';
import { kernelBase64 } from './generated/kernel-bytes.js';

/** Exports of tools/kernel/index.ts; offsets and counts as in layout.ts. */
export interface KernelExports {
  scan(row: number, count: number, maxima: number): number;
  firstIndexOf(value: number, row: number, count: number, maxima: number): number;
  kthLargest(values: number, count: number, largest: number, k: number): number;
  gather(row: number, count: number, bound: number, out: number): number;
  sort(entries: number, spare: number, count: number, buckets: number): number;
  weigh(
    row: number,
    count: number,
    largest: number,
    temperature: number,
    out: number,
    table: number,
  ): number;
  divide(weights: number, count: number, total: number): void;
  setNoise(keyLow: number, keyHigh: number, position: number): void;
  setField(floor: number, lastAtFloor: number): void;
  race(
    row: number,
    count: number,
    favourite: number,
    temperature: number,
    wanted: number,
    margin: number,
    scratch: number,
  ): number;
}

export interface KernelInstance {
  readonly exports: KernelExports;
  readonly buffer: ArrayBuffer;
}

declare const atob: (base64: string) => string;
interface WebAssemblyNames {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (pages: {
    initial: number;
    maximum: number;
  }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (
    module: object,
    imports: { env: { memory: object } },
  ) => { readonly exports: unknown };
  validate(bytes: Uint8Array): boolean;
}

/** The platform's WebAssembly, if any. */
const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyNames };

/** The kernel in the repository. @returns owned by the caller. */
export function kernelBytes(): Uint8Array {
  return Uint8Array.from(atob(kernelBase64), (character) => character.charCodeAt(0));
}

/** Whether this platform can run `bytes`: it has WebAssembly, with SIMD. */
export function canRun(bytes: Uint8Array): boolean {
  return WebAssembly?.validate(bytes) === true;
}

/**
 * @param bytes of a kernel for which `canRun` holds.
 * @param pageCount size of its memory, 64 KiB each.
 */
export function startKernel(bytes: Uint8Array, pageCount: number): KernelInstance {
  assert(WebAssembly !== undefined, 'a kernel needs WebAssembly');
  const memory = new WebAssembly.Memory({ initial: pageCount, maximum: pageCount });
  const module = new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { exports: exports as KernelExports, buffer: memory.buffer };
}
