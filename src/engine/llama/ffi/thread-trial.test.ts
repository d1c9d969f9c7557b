// Checks that threads are tried without leaving any behind.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { it } from 'node:test';
import { canStartThreads } from './thread-trial.js';

const skip = process.platform === 'linux' ? false : 'only Linux counts its threads in /proc';

it('threads that are tried can start, and have ended afterwards', { skip }, () => {
  const count = (): number => readdirSync('/proc/self/task').length;
  const before = count();
  assert.equal(canStartThreads(16), true);
  // The kernel removes a thread a little after it has been joined.
  for (let reads = 0; count() > before && reads < 10_000; reads++);
  assert.ok(count() <= before);
});
