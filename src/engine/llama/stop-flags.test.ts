// Stops reach their own draft through shared memory, and no other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StopFlags } from './stop-flags.js';

test('a stop reaches its own draft through shared memory, and no other', () => {
  const [owner, thread] = pair();
  owner.stop(7);
  assert.ok(thread.isStopped(7));
  for (const other of [1, 6, 8, 7 + 64, 7 + 128]) assert.ok(!thread.isStopped(other), `${other}`);
});

test('stopping all reaches every draft, however many requests wait', () => {
  const [owner, thread] = pair();
  for (const id of [1, 65, 1000, 2 ** 31 + 5]) assert.ok(!thread.isStopped(id), `${id}`);
  owner.stopAll();
  for (const id of [1, 65, 1000, 2 ** 31 + 5]) assert.ok(thread.isStopped(id), `${id}`);
});

function pair(): [owner: StopFlags, thread: StopFlags] {
  const owner = new StopFlags();
  return [owner, new StopFlags(owner.memory)];
}
