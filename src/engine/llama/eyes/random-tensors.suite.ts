// Draws tensors of models that are composed for tests. Same seed and same calls, same numbers.

import type { TensorSource } from '../../gguf/writer.js';

export type Draw = ReturnType<typeof drawer>;

/** Tensors of F32: both libraries of llama.cpp then differ by little but the order of sums. */
export function drawer(seed: number) {
  let state = seed;
  /** Marsaglia's 32-bit xorshift, as a number in [-1, 1). */
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
  const of = (name: string, dims: readonly number[], number: () => number): TensorSource => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const numbers = Float32Array.from({ length: count }, number);
    return { name, type: 'F32', dims, pieces: () => [new Uint8Array(numbers.buffer)] };
  };
  const tensor = (name: string, dims: readonly number[], scale: number) =>
    of(name, dims, () => next() * scale);
  const vector = (name: string, count: number) => tensor(name, [count], 0.2);
  /** Keeps the size of what flows through, times `gain`. */
  const matrix = (name: string, columns: number, rows: number, gain = 1) =>
    tensor(name, [columns, rows], gain * Math.sqrt(3 / columns));
  return {
    tensor,
    vector,
    matrix,
    layer: (name: string, columns: number, rows: number, gain = 1) => [
      matrix(`${name}.weight`, columns, rows, gain),
      vector(`${name}.bias`, rows),
    ],
    norm: (name: string, count: number, size = 1) =>
      of(name, [count], () => size * (1 + next() / 4)),
  };
}
