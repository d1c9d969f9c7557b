// How long the fuzzers go on and where they begin. In every check a bounded number of runs from a
// new seed, which a failure prints; PILOTFISH_FUZZ_RUNS makes all of them longer,
// PILOTFISH_FUZZ_SEED repeats a run. What once was found is kept as data beside each test and met
// first.

import type { Parameters } from 'fast-check';

const { PILOTFISH_FUZZ_RUNS, PILOTFISH_FUZZ_SEED } = process.env;

/**
 * Parameters of a fuzzer.
 *
 * @param usualRuns without PILOTFISH_FUZZ_RUNS.
 * @param kept inputs of the property that were trouble once, run first.
 */
export function fuzzing<T>(
  usualRuns: number,
  kept: readonly T[] = [],
): Parameters<T> & { readonly seed: number; readonly numRuns: number } {
  const isUsual = PILOTFISH_FUZZ_RUNS === undefined;
  return {
    seed: Number(PILOTFISH_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31)),
    numRuns: kept.length + (isUsual ? usualRuns : Number(PILOTFISH_FUZZ_RUNS)),
    examples: [...kept],
  };
}
