// Tests that pictures in a prompt of ids get the ids that they have here, and that nothing else of
// such a prompt may be an image.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstImageToken } from '../../base/image-token.js';
import { joinedIds, withOwnIds } from './prepared-picture.js';

const bytes = new Uint8Array(0);
const image = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => firstImageToken + first + at);
const seen = (...ids: number[]) => ({ ids: Int32Array.from(ids), images: [] });
/** Words around it, as some models have them. */
const framed = seen(7, ...image(500, 3), 8);
const bare = seen(...image(900, 2));

const own = (ids: number[], places: readonly (readonly [number, number])[]): number[] => {
  const pictures = [framed, bare].slice(0, places.length);
  const stands = places.map(([at, count]) => ({ at, count, bytes }));
  return [...withOwnIds(Int32Array.from(ids), stands, pictures, 16)];
};

describe('a prompt of ids with pictures', () => {
  it('has the ids of this server in their places', () => {
    const elsewhere = [1, 7, ...image(0, 3), 8, 2, ...image(40, 2), 3];
    const here = [1, ...framed.ids, 2, ...bare.ids, 3];
    const whole = [
      [1, 5],
      [7, 2],
    ] as const;
    assert.deepEqual(own(elsewhere, whole), here);
    // Its images alone: the words around them are any words.
    assert.deepEqual(own(elsewhere, [[2, 3], whole[1]]), here);
    assert.deepEqual(own([1, ...image(0, 3), 2], [[1, 3]]), [1, ...image(500, 3), 2]);
  });

  it('has them in the order of their places, not of the list', () => {
    const elsewhere = [...image(40, 2), ...image(0, 3)];
    assert.deepEqual(
      own(elsewhere, [
        [2, 3],
        [0, 2],
      ]),
      [...bare.ids, ...image(500, 3)],
    );
  });

  it('is refused with another count, an overlap, or a place outside', () => {
    const ids = [1, ...image(0, 3), ...image(40, 2)];
    for (const places of [
      [[1, 2]],
      [[1, 4]],
      [[4, 3]],
      [
        [1, 3],
        [3, 2],
      ],
      [
        [1, 3],
        [5, 2],
      ],
    ] as const) {
      assert.throws(() => own(ids, places), { code: 'picture-invalid' });
    }
  });

  it('is refused with an image that no picture stands for, and with ids outside', () => {
    const cases = [
      [1, ...image(0, 4)],
      [...image(7, 1), ...image(0, 3)],
      [1, ...image(0, 3), 16],
    ];
    for (const ids of cases) {
      assert.throws(() => own(ids, [[1, 3]]), { code: 'token-out-of-range' });
    }
    assert.throws(() => own([-1, ...image(0, 3)], [[1, 3]]), { code: 'token-out-of-range' });
  });
});

it('words and pictures are joined in the order that the template gives', () => {
  const words = [[1], [], [2, 3]].map((ids) => Int32Array.from(ids));
  const joined = joinedIds(words, [1, 0], [framed, bare]);
  assert.deepEqual([...joined], [1, ...bare.ids, ...framed.ids, 2, 3]);
});
