// Checks that the reader of bytes reports what broke first and reads nothing after it.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { WireReader } from './wire-reader.js';

it('what breaks the encoding is told once, before what was refused, and ends the reading', () => {
  const reader = new WireReader(Uint8Array.of(7, 8, 9));
  assert.equal(reader.u32(), 7);
  reader.refuse('limit-exceeded', 'too much');
  reader.refuse('law-invalid', 'no law');
  assert.equal(reader.complaint?.code, 'limit-exceeded');
  reader.break('one');
  reader.break('two');
  assert.deepEqual(reader.complaint, { code: 'frame-malformed', message: 'one at byte 1' });
  assert.equal(reader.hasMore, false);
  reader.u32();
  assert.equal(reader.complaint?.message, 'one at byte 1');
});
