// Tests that the reader reads written files back unchanged.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { InvariantError } from '../../base/assert.js';
import { PilotfishError } from '../../base/error.js';
import { arrayNumbers, arrayTexts } from './decode.js';
import { textValue, uint32Value } from './encode.js';
import { numberArray, textArray } from './encode.suite.js';
import {
  elementBytes,
  type GgufArray,
  type GgufValue,
  tensorBytes,
  tensorTypes,
} from './format.js';
import { readGguf } from './reader.js';
import { inFolder, writtenModel } from './test-file.suite.js';
import { tinyModel, zeros } from './tiny-model.suite.js';
import { writeGguf } from './writer.js';

const plainTypes = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32'] as const;
const integer = (type: (typeof plainTypes)[number]) => {
  const bits = elementBytes[type] * 8;
  return type.startsWith('u')
    ? fc.integer({ min: 0, max: 2 ** bits - 1 })
    : fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
};

/** Any text that a file may hold: whole characters, no NUL. */
const text = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .filter((words) => !words.includes('\0'));

const anyValue: fc.Arbitrary<GgufValue> = fc.oneof(
  ...plainTypes.map((type) => integer(type).map((value) => ({ type, value }))),
  fc.float().map((value) => ({ type: 'float32' as const, value })),
  fc.double().map((value) => ({ type: 'float64' as const, value })),
  fc.boolean().map((value) => ({ type: 'bool' as const, value })),
  text.map(textValue),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ type: 'uint64' as const, value })),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map((value) => ({ type: 'int64' as const, value })),
  fc.array(text).map(textArray),
  ...plainTypes.map((type) => fc.array(integer(type)).map((list) => numberArray(type, list))),
);

const bare = (value: GgufValue) =>
  value.type === 'array' ? { ...value, bytes: [...value.bytes] } : value;

test('metadata of every type comes back as it was written', () => {
  const path = inFolder('metadata.gguf');
  const entries = fc.dictionary(
    text.filter((key) => key !== '' && key !== 'general.alignment'),
    anyValue,
  );
  fc.assert(
    fc.property(entries, (dictionary) => {
      const metadata = new Map(Object.entries(dictionary));
      writeGguf(path, metadata, []);
      const read = readGguf(path).metadata;
      assert.deepEqual([...read.keys()], [...metadata.keys()]);
      for (const [key, value] of metadata) assert.deepEqual(bare(read.get(key)!), bare(value));
    }),
    { numRuns: 100 },
  );
});

test('arrays decode to the numbers and texts they were made of', () => {
  const numbers = [-3, 0, 7];
  assert.deepEqual([...arrayNumbers(numberArray('int32', numbers))], numbers);
  assert.deepEqual([...arrayNumbers(numberArray('float32', [0.5, -2]))], [0.5, -2]);
  const texts = ['', 'a', 'öß', '日本'];
  const decoded = [...arrayTexts(textArray(texts))].map((bytes) => Buffer.from(bytes).toString());
  assert.deepEqual(decoded, texts);
});

test('tensors of every type lie where the header says, at the alignment asked for', () => {
  for (const alignment of [32, 64, 4096]) {
    const metadata = new Map<string, GgufValue>([['general.alignment', uint32Value(alignment)]]);
    const types = Object.keys(tensorTypes) as (keyof typeof tensorTypes)[];
    const tensors = types.map((type, i) => {
      const dims = [tensorTypes[type].blockLength, i + 1];
      const data = new Uint8Array(tensorBytes(type, dims)).fill(i + 1);
      // In uneven pieces: the writer must accept them.
      return { name: type, type, dims, pieces: () => [data.subarray(0, 1), data.subarray(1)] };
    });
    const path = inFolder('tensors.gguf');
    const bytes = writeGguf(path, metadata, tensors);
    const header = readGguf(path);
    const file = readFileSync(path);
    assert.equal(bytes, file.length);
    assert.equal(header.dataOffset % alignment, 0);
    header.tensors.forEach((tensor, i) => {
      assert.deepEqual(
        [tensor.name, tensor.type, tensor.dims],
        [types[i], types[i], tensors[i]!.dims],
      );
      assert.equal(tensor.offset % alignment, 0);
      const from = header.dataOffset + tensor.offset;
      assert.ok(file.subarray(from, from + tensor.bytes).every((byte) => byte === i + 1));
    });
  }
});

test('a source that gives too little or too much is a broken invariant and leaves no file', () => {
  for (const given of [0, 127, 129]) {
    const path = inFolder(`short-${given}.gguf`);
    const tensor = { ...zeros('a', 'F32', 32), pieces: () => [new Uint8Array(given)] };
    assert.throws(() => writeGguf(path, new Map(), [tensor]), InvariantError);
    assert.deepEqual(
      readdirSync(dirname(path)).filter((name) => name.startsWith('short-')),
      [],
    );
  }
});

test('a failed write leaves the old file as it was', () => {
  const path = writtenModel(tinyModel(), 'kept.gguf');
  const before = readFileSync(path);
  const failing = {
    ...zeros('a', 'F32', 32),
    pieces: () => {
      throw new PilotfishError('cancelled', 'stopped');
    },
  };
  assert.throws(() => writeGguf(path, new Map(), [failing]), { code: 'cancelled' });
  assert.ok(before.equals(readFileSync(path)));
  assert.ok(!existsSync(`${path}.partial`));
});

test('a place that cannot be written is the caller to name', () => {
  writeFileSync(inFolder('file'), '');
  const path = inFolder('file/model.gguf');
  assert.throws(
    () => writeGguf(path, new Map(), []),
    (error: PilotfishError) => error.code === 'usage' && error.message.includes(path),
  );
});

test('an array whose bytes contradict its count is refused before anything is written', () => {
  const wrong: GgufArray = { ...numberArray('int32', [1, 2]), count: 3 };
  assert.throws(
    () => writeGguf(inFolder('wrong.gguf'), new Map([['a', wrong]]), []),
    InvariantError,
  );
  assert.ok(!existsSync(inFolder('wrong.gguf')));
});
