// Checks how lines become messages and commands.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Entry, MessageReader } from './message.js';

function read(...lines: string[]): Entry[] {
  const reader = new MessageReader();
  return lines.map((line) => reader.take(line)).filter(({ kind }) => kind !== 'more');
}
const message = (text: string): Entry => ({ kind: 'message', text });

test('a line is a message, and one after a slash a command', () => {
  assert.deepEqual(read('hello', '/clear', '/system  Be brief. ', ' /etc is a folder', ''), [
    message('hello'),
    { kind: 'command', name: 'clear', rest: '' },
    { kind: 'command', name: 'system', rest: 'Be brief.' },
    message('/etc is a folder'),
    message(''),
  ]);
});

test('a message goes on after a backslash and between fences, whatever its lines begin with', () => {
  assert.deepEqual(read('one \\', '/two', 'three'), [message('one \n/two'), message('three')]);
  assert.deepEqual(read('"""', 'a', '/b\\', '"""'), [message('a\n/b\\')]);
  assert.deepEqual(read('"""a', '', 'b"""', '"""c"""'), [message('a\n\nb'), message('c')]);
});

test('an unfinished message is known, and can be taken or dropped', () => {
  const reader = new MessageReader();
  reader.take('"""one');
  assert.equal(reader.isOpen, true);
  assert.equal(reader.end(), 'one');
  assert.deepEqual([reader.isOpen, reader.end()], [false, null]);
  reader.take('two \\');
  reader.drop();
  assert.deepEqual(reader.take('three'), message('three'));
});
