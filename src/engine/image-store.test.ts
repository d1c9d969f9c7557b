import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageToken } from '../base/image-token.js';
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

test('an image stays until it is forgotten as often as it was added, and gives its room back', () => {
  const images = new ImageStore(2 * 4 * 2 * 4);
  const [first, second] = [images.add(image(1)), images.add(image(2))];
  assert.deepEqual(images.add(image(1)), first);
  assert.throws(() => images.add(image(3)), { code: 'server-busy', message: /exceed/ });
  images.forget(first[0]!);
  assert.deepEqual(images.rowOf(first[3]!), Float32Array.of(1, 1));
  images.forget(first[0]!);
  assert.throws(() => images.rowOf(first[3]!), { code: 'segment-invalid' });
  assert.throws(() => images.forget(first[0]!), { code: 'segment-invalid' });
  assert.throws(() => images.forget(second[1]!), { code: 'segment-invalid' });
  const third = images.add(image(3));
  images.forget(third[0]!);
  assert.deepEqual(images.add(image(1)), first);
});

test('rows that are no images are refused', () => {
  const images = new ImageStore();
  for (const embeddings of [[], [1], [1, Number.POSITIVE_INFINITY]]) {
    const spoiled = { width: 2, embeddings: Float32Array.from(embeddings) };
    assert.throws(() => images.add(spoiled), { code: 'segment-invalid' });
  }
});

test('equal rows in other places are another image, and a grid that they do not fill is none', () => {
  const images = new ImageStore();
  const grids = [null, { columns: 2, rows: 2 }, { columns: 4, rows: 1 }, { columns: 1, rows: 4 }];
  const all = grids.map((grid) => images.add({ ...image(1), grid }));
  assert.equal(new Set(all.flatMap((ids) => [...ids])).size, 16);
  for (const [at, grid] of grids.entries()) {
    assert.deepEqual(images.add({ ...image(1), grid }), all[at]);
    assert.deepEqual(images.placeOf(all[at]![3]!).grid, grid);
  }
  for (const grid of [
    { columns: 3, rows: 1 },
    { columns: 0.5, rows: 8 },
    { columns: -2, rows: -2 },
  ]) {
    assert.throws(() => images.add({ ...image(1), grid }), { code: 'segment-invalid' });
  }
});
