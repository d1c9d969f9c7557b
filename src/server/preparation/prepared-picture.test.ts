// Tests that pictures stand between words as the template has them.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { firstImageToken } from '../../base/image-token.js';
import { joinedIds } from './prepared-picture.js';

const image = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => firstImageToken + first + at);
const seen = (...ids: number[]) => ({ ids: Int32Array.from(ids), images: [] });
/** Words around it, as some models have them. */
const framed = seen(7, ...image(500, 3), 8);
const bare = seen(...image(900, 2));

it('words and pictures are joined in the order that the template gives', () => {
  const words = [[1], [], [2, 3]].map((ids) => Int32Array.from(ids));
  const joined = joinedIds(words, [1, 0], [framed, bare]);
  assert.deepEqual([...joined], [1, ...bare.ids, ...framed.ids, 2, 3]);
});
