// Tests that randomly damaged headers are read or refused, at a bounded cost in time and memory.
// Inputs that once failed are kept below: add what a failure prints.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { PilotfishError } from '../../base/error.js';
import { fuzzing } from '../../base/fuzz.suite.js';
import { checkModelFile } from './model-file.js';
import { readGguf } from './reader.js';
import { inFolder, writtenModel } from './test-file.suite.js';
import { tinyModel } from './tiny-model.suite.js';

/**
 * Edits of an intact file, as data, so that a failure can print them. Places beyond the end mean
 * the end.
 */
type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly value: number }
  | { readonly kind: 'number'; readonly at: number; readonly value: bigint }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'splice'; readonly at: number; readonly from: number; readonly count: number }
  | { readonly kind: 'remove'; readonly at: number; readonly count: number };

const source = readFileSync(writtenModel(tinyModel(), 'source.gguf'));
const { dataOffset } = readGguf(inFolder('source.gguf'));
const at = fc.nat(dataOffset - 1);

const flip = fc.record({ kind: fc.constant('flip' as const), at, value: fc.nat(255) });
/** Numbers that break lengths, counts and sizes. */
const numbers = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const number = fc.record({
  kind: fc.constant('number' as const),
  at,
  value: fc.constantFrom(...numbers),
});
const cut = fc.record({ kind: fc.constant('cut' as const), at });
const splice = fc.record({
  kind: fc.constant('splice' as const),
  at,
  from: at,
  count: fc.nat(64),
});
const remove = fc.record({ kind: fc.constant('remove' as const), at, count: fc.nat(64) });

const edits: fc.Arbitrary<Edit[]> = fc.array(fc.oneof(flip, flip, number, cut, splice, remove), {
  minLength: 1,
  maxLength: 4,
});

/**
 * Edits that once failed or might: the counts of tensors and of metadata, the first key's length, a
 * file of nothing.
 */
const kept: readonly [Edit[]][] = [
  ...[8, 16, 24].flatMap((place) =>
    numbers.map((value): [Edit[]] => [[{ kind: 'number', at: place, value }]]),
  ),
  [[{ kind: 'cut', at: 0 }]],
  [[{ kind: 'cut', at: 24 }]],
  [[{ kind: 'splice', at: 24, from: 0, count: 24 }]],
];

function apply(bytes: Buffer, edit: Edit): Buffer {
  if (bytes.length < 8) return bytes;
  const { kind, at: place } = edit;
  const rest = bytes.subarray(place);
  switch (kind) {
    case 'flip':
      bytes[place] = edit.value;
      return bytes;
    case 'number':
      bytes.writeBigUInt64LE(edit.value, Math.min(place, bytes.length - 8));
      return bytes;
    case 'cut':
      return bytes.subarray(0, place);
    case 'splice': {
      const part = bytes.subarray(edit.from, edit.from + edit.count);
      return Buffer.concat([bytes.subarray(0, place), part, rest]);
    }
    case 'remove':
      return Buffer.concat([bytes.subarray(0, place), rest.subarray(edit.count)]);
  }
}

const parameters = fuzzing(1500, kept);
/** 1500 files take 2 s; a file that is read for long stops the test. */
const timeout = 40 * parameters.numRuns;
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
    parameters,
  );
  // Both outcomes must occur, or the edits are too mild or too wild.
  assert.ok(refused > 300 && read > 30, `${refused} refused, ${read} read`);
});

test('random bytes after a sound beginning are refused', () => {
  const path = inFolder('noise.gguf');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 300 }), (noise) => {
      writeFileSync(path, Buffer.concat([source.subarray(0, 24), noise]));
      assert.throws(() => checkModelFile(path), PilotfishError);
    }),
    fuzzing(300),
  );
});
