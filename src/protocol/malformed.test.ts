// Tests bytes that are no frame: the code of each kind of damage.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WireCode } from './code.js';
import { decodeDeviceFrame, encodeFrame } from './codec.js';
import { limits } from './limits.js';
import { answer, hex, type Sender } from './peer-answer.suite.js';
import { vectors } from './vectors.suite.js';

/** Bytes that are no frame at all, in hex; all of them end the connection. */
const malformed: readonly (readonly [string, Sender, string, WireCode])[] = [
  ['no bytes', 'device', '', 'frame-malformed'],
  ['only a field that nobody knows', 'device', 'a2 06 00', 'frame-malformed'],
  ['a length beyond the end', 'device', '1a 03 08', 'frame-malformed'],
  ['a frame without length', 'device', '1a', 'frame-malformed'],
  ['bytes after the frame', 'device', '3a 00 00', 'frame-malformed'],
  ['half a varint after the frame', 'device', '3a 00 ff', 'frame-malformed'],
  ['two frames of one kind', 'device', '3a 00 3a 00', 'frame-malformed'],
  ['two frames of two kinds', 'device', '3a 00 32 00', 'frame-malformed'],
  ['a frame of the server', 'device', '5a 00', 'frame-unexpected'],
  ['a frame of the device', 'server', '1a 00', 'frame-unexpected'],
  ['a frame as a number', 'device', '18 00', 'frame-malformed'],
  ['a frame as a group', 'device', '1b 1c', 'frame-malformed'],
  ['field number 0', 'device', '1a 02 00 00', 'frame-malformed'],
  ['wire type 6', 'device', '1a 02 a6 06', 'frame-malformed'],
  ['a group inside', 'device', '1a 04 a3 06 a4 06', 'frame-malformed'],
  ['session as text', 'device', '32 03 0a 01 41', 'frame-malformed'],
  ['session as a fixed number', 'device', '32 05 0d 01 00 00 00', 'frame-malformed'],
  ['a position as bytes that would read on', 'device', '1a 04 1a 02 10 05', 'frame-malformed'],
  ['session twice', 'device', '32 04 08 01 08 01', 'frame-malformed'],
  ['session of 2^32', 'device', '32 06 08 80 80 80 80 10', 'frame-malformed'],
  [
    'session of 2^63 and more',
    'device',
    '32 0b 08 ff ff ff ff ff ff ff ff ff 01',
    'frame-malformed',
  ],
  [
    'an unknown varint of eleven bytes',
    'device',
    '32 0d a0 06 80 80 80 80 80 80 80 80 80 80 01',
    'frame-malformed',
  ],
  ['an inner length beyond its message', 'device', '1a 04 22 03 01 02', 'frame-malformed'],
  [
    'an inner list that takes from the message around it',
    'device',
    '12 08 12 03 0a 02 01 40 08 00',
    'frame-malformed',
  ],
  [
    'an inner number that takes from the frame around it',
    'device',
    '1a 02 08 80 01 a0 06 00',
    'frame-malformed',
  ],
  ['an inner value beyond its message', 'device', '1a 02 08 80 01 01', 'frame-malformed'],
  ['ids one by one', 'device', '1a 04 20 01 20 02', 'frame-malformed'],
  ['ids in two lists', 'device', '1a 06 22 01 01 22 01 02', 'frame-malformed'],
  ['ids that end inside a varint', 'device', '1a 04 22 02 01 ff', 'frame-malformed'],
  [
    'ids that lend their last byte to the next field',
    'device',
    '1a 06 22 02 01 a0 06 00',
    'frame-malformed',
  ],
  ['an id of 2^32', 'device', '1a 07 22 05 80 80 80 80 10', 'frame-malformed'],
  [
    'probabilities of seven bytes',
    'device',
    '1a 0c 22 01 01 2a 07 00 00 00 00 00 00 00',
    'frame-malformed',
  ],
  ['a truth value of 2', 'device', '1a 02 40 02', 'frame-malformed'],
  ['a name that is no UTF-8', 'device', '0a 07 08 01 10 01 1a 01 ff', 'frame-malformed'],
  ['a name with a surrogate', 'device', '0a 09 08 01 10 01 1a 03 ed a0 80', 'frame-malformed'],
  ['an end that nobody knows', 'server', '5a 02 50 05', 'frame-malformed'],
  ['an end of 0', 'server', '5a 02 50 00', 'frame-malformed'],
  ['a failure without code', 'server', '7a 00', 'frame-malformed'],
  ['a welcome without limits', 'server', '4a 02 08 01', 'frame-malformed'],
];

describe('bytes that are no frame', () => {
  for (const [title, sender, bytes, code] of malformed) {
    it(`${title}: ${code}`, () => assert.equal(answer(sender, hex(bytes)), code));
  }

  it('end the connection when they are too long, unread', () => {
    const bytes = new Uint8Array(limits.frameBytes.value + 1);
    assert.equal(answer('device', bytes), 'frame-too-large');
    const hello = encodeFrame(vectors[0]!.frame);
    assert.ok('ok' in decodeDeviceFrame(hello, hello.length));
    const decoded = decodeDeviceFrame(hello, hello.length - 1);
    assert.ok('fault' in decoded && decoded.fault.code === 'frame-too-large');
  });
});
