import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainSampling } from '../math/sampling.js';
import { Slot } from './slot.js';

test('parts of images are in the log of a slot and never counted as words', () => {
  const sampling = { ...plainSampling, repetitionPenalty: 1.5 };
  const slot = new Slot({ sampling, seed: 1n, promptLength: 8 }, null);
  const image = [2 ** 30, 2 ** 31 - 1];
  slot.push(Int32Array.of(5, ...image, 6, 5));
  assert.deepEqual([...slot.tokens], [5, ...image, 6, 5]);
  assert.deepEqual([...slot.history!.tokens], [5, 6]);
  slot.truncate(1);
  assert.deepEqual([...slot.history!.tokens], [5]);
  assert.equal(slot.history!.promptCount(5), 1);
});
