// Sets how long fuzzers run and where they start. By default a run has a time limit and a new seed,
// which a failure prints. PILOTFISH_FUZZ_RUNS makes every fuzzer run longer; PILOTFISH_FUZZ_SEED
// repeats a run. Inputs that once failed stand as data beside each test and run first.

import type { Parameters } from 'fast-check';

const { PILOTFISH_FUZZ_RUNS, PILOTFISH_FUZZ_SEED } = process.env;

/**
 * Parameters of a fuzzer.
 *
 * @param usualRuns number of runs unless the environment sets it.
 * @param kept inputs that once failed; they run first.
 * @param usualMs time limit unless the environment sets the runs; null: no limit.
 */
export function fuzzing<T>(
  usualRuns: number,
  kept: readonly T[] = [],
  usualMs: number | null = null,
): Parameters<T> & { readonly seed: number; readonly numRuns: number } {
  const isUsual = PILOTFISH_FUZZ_RUNS === undefined;
  return {
    seed: Number(PILOTFISH_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31)),
    numRuns: kept.length + (isUsual ? usualRuns : Number(PILOTFISH_FUZZ_RUNS)),
    examples: [...kept],
    ...(isUsual && usualMs !== null && { interruptAfterTimeLimit: usualMs }),
  };
}
