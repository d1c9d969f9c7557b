// Tests that ids of images leave a list of ids and come back to their places.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { firstImageToken } from '../base/image-token.js';
import { imageSpansOf, withImages, withoutImages } from './image-spans.js';

const ids = (...all: number[]): Int32Array => Int32Array.from(all);
const first = firstImageToken;

it('two images side by side are two spans, unless their ids follow each other', () => {
  assert.deepEqual(imageSpansOf(ids(1, first, first + 1, first + 7, 2)), [
    { from: 1, count: 2, firstId: first },
    { from: 3, count: 1, firstId: first + 7 },
  ]);
  assert.deepEqual(imageSpansOf(ids(first, first + 1)), [{ from: 0, count: 2, firstId: first }]);
  assert.deepEqual(imageSpansOf(ids(1, 2)), []);
});

it('what was taken out comes back', () => {
  const token = fc.oneof(
    fc.nat(9),
    fc.nat(5).map((more) => first + more),
  );
  fc.assert(
    fc.property(fc.array(token), (tokens) => {
      const log = ids(...tokens);
      const listed = withoutImages(log);
      assert.ok(listed.every((id) => id < first));
      assert.deepEqual(withImages(listed, imageSpansOf(log)), log);
    }),
  );
});
