// Checks how many frames of drafts may be with a server that has not verified them.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FramesOut } from './frames-out.js';

it('frames are out until the committed length has reached their end', () => {
  const framesOut = new FramesOut();
  assert.deepEqual([framesOut.end, framesOut.room(3)], [0, 48]);
  for (const end of [5, 7, 7, 6]) framesOut.add(end);
  // Those that bring nothing new cost the server nothing.
  assert.deepEqual([framesOut.end, framesOut.room(3)], [7, 46]);
  assert.equal(framesOut.room(5), 47);
  for (let end = 8; end < 100; end++) framesOut.add(end);
  assert.equal(framesOut.room(5), 0);
  framesOut.clear();
  assert.deepEqual([framesOut.end, framesOut.room(3)], [0, 48]);
});
