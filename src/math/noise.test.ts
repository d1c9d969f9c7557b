// Tests the noise, which must be bit-identical on every platform: published vectors, an independent
// implementation in BigInt, vectors frozen from it, and the properties that a race needs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chiSquareFit } from './chi-square.suite.js';
import {
  exponential,
  type NoiseStream,
  noiseKey,
  noiseStreams,
  threefry,
  uniform,
} from './noise.js';

const word = 2n ** 32n;

/** Threefry-2x32-20 written from the paper's definition, in whole numbers of any size. */
function slowThreefry(key: readonly bigint[], counter: readonly bigint[]): [bigint, bigint] {
  const schedule = [key[0]!, key[1]!, 0x1bd11bdan ^ key[0]! ^ key[1]!];
  const rotations = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];
  let [left, right] = [(counter[0]! + schedule[0]!) % word, (counter[1]! + schedule[1]!) % word];
  for (let round = 0; round < 20; round++) {
    left = (left + right) % word;
    const by = rotations[round % 8]!;
    right = ((right * 2n ** by) % word) + right / 2n ** (32n - by);
    right ^= left;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      left = (left + schedule[injection % 3]!) % word;
      right = (right + schedule[(injection + 1) % 3]! + BigInt(injection)) % word;
    }
  }
  return [left, right];
}

function slowKey(seed: bigint, stream: NoiseStream): [bigint, bigint] {
  return slowThreefry([seed % word, seed / word], [BigInt(noiseStreams[stream]), 0x70696c6fn]);
}

/** n of uniform = (n + 0.5) / 2^52. */
function slowUniformNumber(seed: bigint, stream: NoiseStream, position: bigint, index: bigint) {
  const [high, low] = slowThreefry(slowKey(seed, stream), [index, position]);
  return high * 2n ** 20n + low / 2n ** 12n;
}

const block = (key: readonly number[], counter: readonly number[]): number[] => {
  const out = new Uint32Array(2);
  threefry(key[0]!, key[1]!, counter[0]!, counter[1]!, out);
  return [...out];
};

test('threefry reproduces the vectors published with Random123', () => {
  const ones = 0xffffffff;
  assert.deepEqual(block([0, 0], [0, 0]), [0x6b200159, 0x99ba4efe]);
  assert.deepEqual(block([ones, ones], [ones, ones]), [0x1cb996fc, 0xbb002be7]);
  assert.deepEqual(
    block([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3]),
    [0xc4923a9c, 0x483df7a0],
  );
});

test('threefry equals the slow definition on every input', () => {
  const bits = fc.nat({ max: 0xffffffff });
  fc.assert(
    fc.property(bits, bits, bits, bits, (keyLow, keyHigh, low, high) => {
      const slow = slowThreefry([BigInt(keyLow), BigInt(keyHigh)], [BigInt(low), BigInt(high)]);
      assert.deepEqual(block([keyLow, keyHigh], [low, high]).map(BigInt), slow);
    }),
    { numRuns: 500 },
  );
});

const seeds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const streams = fc.constantFrom(...(Object.keys(noiseStreams) as NoiseStream[]));

test('keys and uniform numbers equal the slow definition to the last bit', () => {
  const counter = fc.nat({ max: 0xffffffff });
  fc.assert(
    fc.property(seeds, streams, counter, counter, (seed, stream, position, index) => {
      const key = noiseKey(seed, stream);
      assert.deepEqual([BigInt(key.low), BigInt(key.high)], slowKey(seed, stream));
      const number = slowUniformNumber(seed, stream, BigInt(position), BigInt(index));
      assert.equal(uniform(key, position, index), (Number(number) + 0.5) * 2 ** -52);
    }),
    { numRuns: 500 },
  );
});

// Made by slowUniformNumber. A change here changes the text of every seed in use.
const golden: readonly (readonly [bigint, NoiseStream, number, number, bigint])[] = [
  [0x0n, 'race', 0, 0, 0x4a2f8ae8ccbafn],
  [0x0n, 'race', 0, 1, 0x238349339dcc6n],
  [0x0n, 'race', 1, 0, 0xb2ccc72f0fbfan],
  [0x1n, 'race', 0, 0, 0xd3399d565b20bn],
  [0xffffffffffffffffn, 'race', 4294967295, 4294967295, 0x7d47bb1d5c57an],
  [0x123456789abcdefn, 'accept', 17, 0, 0xfd7a9b5429833n],
  [0x123456789abcdefn, 'draft', 17, 0, 0x45c89a411e795n],
  [0x123456789abcdefn, 'target', 17, 0, 0xb75d403a727acn],
  [0x123456789abcdefn, 'residual', 17, 0, 0xf67757b969fc6n],
  [0x2an, 'race', 1000, 31999, 0x9f2a0e1a76049n],
];

test('uniform numbers are frozen: same seed, same text, in every version', () => {
  for (const [seed, stream, position, index, number] of golden) {
    assert.equal(slowUniformNumber(seed, stream, BigInt(position), BigInt(index)), number);
    const expected = (Number(number) + 0.5) * 2 ** -52;
    assert.equal(uniform(noiseKey(seed, stream), position, index), expected);
  }
});

test('streams have numbers of their own', () => {
  const numbers = Object.values(noiseStreams);
  assert.equal(new Set(numbers).size, numbers.length);
  fc.assert(
    fc.property(seeds, (seed) => {
      const keys = (Object.keys(noiseStreams) as NoiseStream[]).map((stream) =>
        noiseKey(seed, stream),
      );
      assert.equal(new Set(keys.map(({ low, high }) => `${low},${high}`)).size, keys.length);
    }),
  );
});

test('the ends of the range are inside (0, 1), exact, and finite as exponentials', () => {
  const least = 0.5 * 2 ** -52;
  const most = (2 ** 52 - 0.5) * 2 ** -52;
  assert.ok(least > 0 && most < 1);
  assert.equal(most, 1 - 2 ** -53);
  assert.ok(-Math.log1p(-least) >= 2 ** -53);
  assert.ok(-Math.log1p(-most) < 36.8);
});

const key = noiseKey(7n, 'race');
const sampleCount = 65_536;

/** Every order in which a text uses the counters. */
const walks: Readonly<Record<string, (step: number) => number>> = {
  'over tokens at one position': (step) => uniform(key, 3, step),
  'over positions of one token': (step) => uniform(key, step, 3),
  'over seeds': (step) => uniform(noiseKey(BigInt(step), 'race'), 3, 3),
};

for (const [name, at] of Object.entries(walks)) {
  const numbers = Float64Array.from({ length: sampleCount }, (_, step) => at(step));

  test(`numbers are uniform ${name}, in the first and in the last bits (odds of a false alarm 2e-6)`, () => {
    const first = new Float64Array(256);
    const last = new Float64Array(256);
    for (const number of numbers) {
      first[Math.floor(number * 256)]!++;
      last[Math.floor(number * 2 ** 52) % 256]!++;
    }
    const even = new Float64Array(256).fill(1 / 256);
    assert.ok(chiSquareFit(first, even).pValue > 1e-6);
    assert.ok(chiSquareFit(last, even).pValue > 1e-6);
  });

  test(`neighbours are independent ${name} (odds of a false alarm 1e-6)`, () => {
    const pairs = new Float64Array(1024);
    for (let step = 1; step < sampleCount; step++) {
      pairs[Math.floor(numbers[step - 1]! * 32) * 32 + Math.floor(numbers[step]! * 32)]!++;
    }
    assert.ok(chiSquareFit(pairs, new Float64Array(1024).fill(1 / 1024)).pValue > 1e-6);
  });
}

test('streams of one seed are independent of each other (odds of a false alarm 1e-6)', () => {
  const other = noiseKey(7n, 'accept');
  const pairs = new Float64Array(1024);
  for (let step = 0; step < sampleCount; step++) {
    const row = Math.floor(uniform(key, step, 0) * 32);
    pairs[row * 32 + Math.floor(uniform(other, step, 0) * 32)]!++;
  }
  assert.ok(chiSquareFit(pairs, new Float64Array(1024).fill(1 / 1024)).pValue > 1e-6);
});

test('exponential variates have the exponential law (odds of a false alarm 1e-6)', () => {
  // Cells of equal mass: the n-th begins at -ln(1 - n / 64).
  const counts = new Float64Array(64);
  for (let token = 0; token < sampleCount; token++) {
    counts[Math.floor(-Math.expm1(-exponential(key, 1, token)) * 64)]!++;
  }
  assert.ok(chiSquareFit(counts, new Float64Array(64).fill(1 / 64)).pValue > 1e-6);
});

test('one changed bit of seed or counter changes about half of the bits', () => {
  let changed = 0;
  let trials = 0;
  for (let bit = 0; bit < 32; bit++) {
    for (let position = 0; position < 64; position++) {
      const [before] = block([1, 2], [position, 9]);
      for (const [after] of [
        block([1, 2], [(position ^ (1 << bit)) >>> 0, 9]),
        block([(1 ^ (1 << bit)) >>> 0, 2], [position, 9]),
      ]) {
        const different = (before! ^ after!) >>> 0;
        changed += different.toString(2).replaceAll('0', '').length;
        trials += 32;
      }
    }
  }
  // Standard deviation of the share is 0.5 / sqrt(131072) = 0.0014; five of them are odds of 6e-7.
  assert.ok(Math.abs(changed / trials - 0.5) < 0.007, `${changed} of ${trials}`);
});
