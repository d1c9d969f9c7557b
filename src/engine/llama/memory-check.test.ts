// What cannot fit is refused before it is loaded, the copy of the output matrix of an early exit
// included.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkModelFile } from '../gguf/model-file.js';
import { type ExitChoice, planExit } from './exit-plan.js';
import { checkMemory, checkMemoryOfPair } from './memory-check.js';
import { resolveOptions } from './options.js';

const bundled = (file: string): string =>
  fileURLToPath(new URL(`../../../../models/${file}`, import.meta.url));

const facts = checkModelFile(bundled('stories-target-q8_0.gguf'));

function optionsOf(exit: ExitChoice | null) {
  const plan = exit === null ? null : planExit(exit, facts);
  return resolveOptions({ modelPath: facts.path, contextLength: 64, slotCount: 1 }, 512, plan);
}

/** The least memory that is enough. */
function needed(exit: ExitChoice | null): number {
  let [low, high] = [0, 2 ** 30];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    try {
      checkMemory(facts, optionsOf(exit), middle);
      high = middle;
    } catch {
      low = middle;
    }
  }
  return high;
}

test('weights or a context that do not fit are refused with both numbers', () => {
  const options = optionsOf(null);
  assert.throws(() => checkMemory(facts, options, facts.tensorBytes - 1), {
    code: 'model-too-large',
  });
  assert.throws(() => checkMemory(facts, options, facts.tensorBytes), {
    code: 'context-too-large',
    message: /1 slots of 64 tokens need/,
  });
});

test('an early exit counts with its head and a copy of the output matrix', () => {
  // Of 256 rows of 4096 in Q8_0, and a norm in float32.
  const endBytes = (4096 * 256 * 34) / 32 + 256 * 4;
  const plain = needed(null);
  const lens = needed({ layer: 4 });
  assert.equal(lens - plain, endBytes);
  const head = needed({ headPath: bundled('stories-exit-4-f16.gguf') });
  assert.ok(head > lens, `${head} bytes with a head, ${lens} without`);
});

test('a draft model that does not fit beside its target is refused with the bytes of both', () => {
  const target = { facts, options: optionsOf(null) };
  const alone = needed(null);
  assert.throws(() => checkMemoryOfPair(target, target, 2 * facts.tensorBytes - 1), {
    code: 'model-too-large',
    message: /the target needs 0.01 GiB of weights .*the draft model beside it 0.01 GiB of weights/,
  });
  assert.throws(() => checkMemoryOfPair(target, target, 2 * alone - 1), {
    code: 'context-too-large',
    message: /enough for the target alone/,
  });
  checkMemoryOfPair(target, target, 2 * alone);
});
