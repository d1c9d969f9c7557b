import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageToken } from '../../image-tokens.js';
import { ImageStore } from './image-store.js';

const image = (value: number, count = 4) => ({
  width: 2,
  embeddings: new Float32Array(count * 2).fill(value),
});

test('equal images have equal ids, others have others, and each id its row', () => {
  const images = new ImageStore();
  const all = Array.from({ length: 200 }, (_, value) => images.add(image(value, 1 + (value % 5))));
  assert.equal(new Set(all.flatMap((ids) => [...ids])).size, all.flatMap((ids) => [...ids]).length);
  for (const [value, ids] of all.entries()) {
    assert.deepEqual(images.add(image(value, 1 + (value % 5))), ids);
    for (const id of ids) {
      assert.ok(isImageToken(id));
      assert.deepEqual(images.rowOf(id), Float32Array.of(value, value));
    }
  }
});

test('the image used longest ago goes where there is no room, and comes back with its ids', () => {
  const images = new ImageStore(2 * 4 * 2 * 4);
  const [first, second] = [images.add(image(1)), images.add(image(2))];
  images.add(image(1));
  images.add(image(3));
  assert.deepEqual(images.rowOf(first[3]!), Float32Array.of(1, 1));
  assert.throws(() => images.rowOf(second[0]!), { code: 'segment-invalid', message: /again/ });
  assert.deepEqual(images.add(image(2)), second);
  assert.throws(() => images.add(image(4, 9)), { code: 'segment-invalid', message: /exceeds/ });
});

test('rows that are no images are refused', () => {
  const images = new ImageStore();
  for (const embeddings of [[], [1], [1, Number.POSITIVE_INFINITY]]) {
    const spoiled = { width: 2, embeddings: Float32Array.from(embeddings) };
    assert.throws(() => images.add(spoiled), { code: 'segment-invalid' });
  }
});
