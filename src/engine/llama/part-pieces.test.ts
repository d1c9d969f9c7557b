// Which pieces of a part are decoded by themselves, and which beside the other parts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstImageToken } from '../../base/image-token.js';
import { splitAtImages } from './part-pieces.js';

const image = firstImageToken;
const part = (tokens: number[], rowCount: number, from = 10) => ({
  ...{ slot: 1, from, tokens: Int32Array.from(tokens), rowCount },
});

test('words alone stay with the other parts', () => {
  assert.deepEqual(splitAtImages(part([1, 2], 1)), { apart: [], joint: part([1, 2], 1) });
});

test('words behind an image go to the common batch with all rows', () => {
  assert.deepEqual(splitAtImages(part([1, image, image + 1, 2, 3], 2)), {
    apart: [part([1], 0), part([image, image + 1], 0, 11)],
    joint: part([2, 3], 2, 13),
  });
});

test('a part whose rows begin in an image is decoded by itself', () => {
  const behind = splitAtImages(part([1, image], 1));
  assert.deepEqual(behind, { apart: [part([1], 0), part([image], 1, 11)], joint: null });
  const both = splitAtImages(part([image, 2], 2));
  assert.deepEqual(both, { apart: [part([image], 1), part([2], 1, 11)], joint: null });
});
