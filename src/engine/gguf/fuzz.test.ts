// Headers spoiled at random are read or refused, at a bounded cost in time and memory.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { PilotfishError } from '../../base/error.js';
import { checkModelFile } from './model-file.js';
import { readGguf } from './reader.js';
import { tinyModel } from './tiny-model.suite.js';
import { inFolder, writtenModel } from './written.suite.js';

type Edit = (bytes: Buffer) => Buffer;

const source = readFileSync(writtenModel(tinyModel(), 'source.gguf'));
const { dataOffset } = readGguf(inFolder('source.gguf'));
const place = fc.nat(dataOffset - 1);

const flip = fc.tuple(place, fc.nat(255)).map(
  ([at, value]): Edit =>
    (bytes) => {
      bytes[at] = value;
      return bytes;
    },
);
/** Numbers that lengths, counts and sizes go wrong with. */
const number = fc
  .tuple(
    place,
    fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
  )
  .map(
    ([at, value]): Edit =>
      (bytes) => {
        bytes.writeBigUInt64LE(value, Math.min(at, bytes.length - 8));
        return bytes;
      },
  );
const cut = place.map(
  (at): Edit =>
    (bytes) =>
      bytes.subarray(0, at),
);
const splice = fc.tuple(place, place, fc.nat(64)).map(
  ([to, from, count]): Edit =>
    (bytes) =>
      Buffer.concat([
        bytes.subarray(0, to),
        bytes.subarray(from, from + count),
        bytes.subarray(to),
      ]),
);
const remove = fc.tuple(place, fc.nat(64)).map(
  ([at, count]): Edit =>
    (bytes) =>
      Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]),
);

const edits = fc.array(fc.oneof(flip, flip, number, cut, splice, remove), {
  minLength: 1,
  maxLength: 4,
});

const apply = (bytes: Buffer, edit: Edit): Buffer => (bytes.length < 8 ? bytes : edit(bytes));

/** 1500 files take 2 s; a file that is read for long stops the test. */
const timeout = 60_000;
const bytesMax = 64 * 2 ** 20;

test('spoiled headers are read or refused, never worse, and cost little', { timeout }, () => {
  const path = inFolder('fuzz.gguf');
  let refused = 0;
  let read = 0;
  fc.assert(
    fc.property(edits, (list) => {
      writeFileSync(path, list.reduce(apply, Buffer.from(source)));
      const heldBefore = process.memoryUsage().arrayBuffers;
      try {
        checkModelFile(path);
        read++;
      } catch (error) {
        assert.ok(error instanceof PilotfishError, String((error as Error).stack));
        assert.ok(error.code.startsWith('model-'), error.code);
        refused++;
      }
      assert.ok(process.memoryUsage().arrayBuffers - heldBefore < bytesMax);
    }),
    { numRuns: 1500 },
  );
  // Both ways must have been walked, or the edits are too mild or too wild to tell anything.
  assert.ok(refused > 300 && read > 30, `${refused} refused, ${read} read`);
});

test('random bytes after a sound beginning are refused', () => {
  const path = inFolder('noise.gguf');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 300 }), (noise) => {
      writeFileSync(path, Buffer.concat([source.subarray(0, 24), noise]));
      assert.throws(() => checkModelFile(path), PilotfishError);
    }),
    { numRuns: 300 },
  );
});
