// Makes the vectors of the noise: blocks, keys of streams, uniform numbers, draws of attempts, and
// variates.

import { keyedChance } from '../../math/chance.js';
import {
  exponential,
  type NoiseStream,
  noiseKey,
  noiseStreams,
  threefry,
  uniform,
} from '../../math/noise.js';

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

const seeds = [0n, 1n, 42n, 0x0123456789abcdefn, 0xffffffffffffffffn];
const streams = Object.keys(noiseStreams) as NoiseStream[];
const counters: readonly (readonly [position: number, index: number])[] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [17, 31_999],
  [4_294_967_295, 4_294_967_295],
];
const attempts: readonly (readonly [position: number, attempt: number])[] = [
  [17, 0],
  [17, 1],
  [300, 16_777_215],
];

function block(key: readonly number[], counter: readonly number[]): object {
  const out = new Uint32Array(2);
  threefry(key[0]!, key[1]!, counter[0]!, counter[1]!, out);
  return { key: key.map(hex), counter: counter.map(hex), words: [...out].map(hex) };
}

/** n of a uniform number (n + 1/2) / 2^52. */
const stepsOf = (number: number): string => hex(BigInt(number * 2 ** 52 - 0.5));

/** @param perSeed a function of each seed and stream. */
const each = (perSeed: (seed: bigint, stream: NoiseStream) => object[]): object[] =>
  seeds.flatMap((seed) => streams.flatMap((stream) => perSeed(seed, stream)));

/** The first two uniform numbers that an attempt draws, each found by bisection. */
function drawOf(seed: bigint, stream: NoiseStream, position: number, attempt: number): number[] {
  const key = noiseKey(seed, stream);
  return [0, 1].map((question) => {
    let [low, high] = [0, 1];
    for (let step = 0; step < 53; step++) {
      const middle = (low + high) / 2;
      const chance = keyedChance(key, key, position, attempt);
      for (let skipped = 0; skipped < question; skipped++) chance.happens(0.5);
      if (chance.happens(middle)) high = middle;
      else low = middle;
    }
    return low;
  });
}

export function noiseVectors(): Record<string, object[]> {
  const ones = 0xffffffff;
  return {
    blocks: [
      block([0, 0], [0, 0]),
      block([ones, ones], [ones, ones]),
      block([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3]),
    ],
    keys: each((seed, stream) => {
      const { low, high } = noiseKey(seed, stream);
      return [{ seed: hex(seed), stream, low: hex(low), high: hex(high) }];
    }),
    uniforms: each((seed, stream) =>
      counters.map(([position, index]) => {
        const n = stepsOf(uniform(noiseKey(seed, stream), position, index));
        return { seed: hex(seed), stream, position, index, n };
      }),
    ),
    draws: (['accept', 'draft', 'target', 'residual'] as const).flatMap((stream) =>
      attempts.map(([position, attempt]) => {
        const n = drawOf(42n, stream, position, attempt).map(stepsOf);
        return { seed: hex(42n), stream, position, attempt, n };
      }),
    ),
    variates: counters.map(([position, token]) => {
      const variate = exponential(noiseKey(42n, 'race'), position, token);
      return { seed: hex(42n), position, token, variate };
    }),
  };
}
