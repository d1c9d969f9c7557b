// Runs a command whose models may start no threads, as in a container with a seccomp filter: it
// writes the same text with one thread, and says so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './command.suite.js';

const deny = new URL('../../engine/llama/ffi/deny-threads.suite.js', import.meta.url).href;
const skip = process.platform === 'linux' ? false : 'seccomp is of Linux';

test('models that may start no threads compute with one each, and say so', { skip }, async (t) => {
  const args = ['generate', '--deterministic', '--seed', '5', '-n', '16', '--no-stats'];
  const models = ['-m', 'stories-target', '-md', 'stories-draft'];
  const prompt = 'The old clock';
  const free = await run([...args, ...models, '-t', '1', prompt]);
  const bound = await run([...args, ...models, '-t', '4', prompt], {
    NODE_OPTIONS: `--import=${deny}`,
  });
  if (bound.err.includes('no seccomp filter here')) return t.skip('this system has no seccomp');
  assert.equal(bound.code, 0, bound.err);
  assert.equal(bound.out, free.out);
  const notes = bound.err.match(/refuses to start 11 threads: the model computes with one/g);
  assert.equal(notes?.length, 2, bound.err);
});
