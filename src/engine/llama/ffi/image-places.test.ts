import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gridOfPlaces, type ImageTokenPlace } from './image-places.js';

const places = (columns: number, rows: number): ImageTokenPlace[] =>
  Array.from({ length: columns * rows }, (_, at) => ({
    ...{ t: 0, z: 0, x: at % columns, y: Math.floor(at / columns) },
  }));

test('places row by row are a grid', () => {
  assert.deepEqual(gridOfPlaces(places(3, 2), 3), { columns: 3, rows: 2 });
  assert.deepEqual(gridOfPlaces(places(1, 4), 4), { columns: 1, rows: 4 });
  assert.deepEqual(gridOfPlaces(places(1, 1), 1), { columns: 1, rows: 1 });
});

test('other places are none: columns first, frames of a video, a border, other positions', () => {
  const turned = places(3, 2).map(({ x, y, ...rest }) => ({ ...rest, x: y, y: x }));
  assert.equal(gridOfPlaces(turned, 3), null);
  const frames = [...places(2, 2), ...places(2, 2).map((place) => ({ ...place, t: 1 }))];
  assert.equal(gridOfPlaces(frames, 2), null);
  assert.equal(gridOfPlaces([...places(2, 2), ...places(2, 2)], 2), null);
  const first = { t: 0, x: 0, y: 0, z: 0 };
  assert.equal(gridOfPlaces([first, ...places(2, 2), { t: 5, x: 5, y: 5, z: 5 }], 6), null);
  assert.equal(
    gridOfPlaces(
      places(2, 2).map((place) => ({ ...place, z: 1 })),
      2,
    ),
    null,
  );
  assert.equal(gridOfPlaces(places(3, 2), 6), null);
});
