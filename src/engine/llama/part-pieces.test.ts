// Which pieces of a part are decoded by themselves, and which beside the other parts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstImageToken } from '../../base/image-token.js';
import { splitAtImages, toImageEnd } from './part-pieces.js';

const image = firstImageToken;
const images = { placeOf: () => ({ first: image, count: 2, isNonCausal: false, grid: null }) };
const part = (tokens: number[], rowCount: number, from = 10) => ({
  ...{ slot: 1, from, tokens: Int32Array.from(tokens), rowCount },
});

test('words alone stay with the other parts', () => {
  assert.deepEqual(splitAtImages(part([1, 2], 1), images), { apart: [], joint: part([1, 2], 1) });
});

test('words behind an image go to the common batch with all rows', () => {
  assert.deepEqual(splitAtImages(part([1, image, image + 1, 2, 3], 2), images), {
    apart: [part([1], 0), part([image, image + 1], 0, 11)],
    joint: part([2, 3], 2, 13),
  });
});

test('a part whose rows begin in an image is decoded by itself', () => {
  const behind = splitAtImages(part([1, image], 1), images);
  assert.deepEqual(behind, { apart: [part([1], 0), part([image], 1, 11)], joint: null });
  const both = splitAtImages(part([image, 2], 2), images);
  assert.deepEqual(both, { apart: [part([image], 1), part([2], 1, 11)], joint: null });
});

test('an image that attends to all of itself is a piece of its own, fed to its end', () => {
  const whole = { placeOf: () => ({ first: image, count: 3, isNonCausal: true, grid: null }) };
  const { apart } = splitAtImages(part([image, image + 1, image + 2, image], 1), whole);
  assert.deepEqual(apart, [part([image, image + 1, image + 2], 0), part([image], 1, 13)]);
  assert.deepEqual(toImageEnd(apart[1]!, whole), part([image, image + 1, image + 2], 3, 13));
  assert.equal(toImageEnd(apart[0]!, whole), apart[0]);
});
