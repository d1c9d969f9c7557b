// Runs the workshop's command as a child process: refusals, and an end that leaves nothing running.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Running, runScript } from '../../src/cli/processes/command.suite.js';

const run = (args: readonly string[], onStart?: (child: Running) => void) =>
  runScript(fileURLToPath(new URL('./main.js', import.meta.url)), args, {}, onStart);

test('a benchmark that is stopped ends, whatever processes and connections it had open', async () => {
  const { code, err } = await run(
    ['loop', '--part', 'stack', '--quick'],
    ({ kill, onFirstOutput }) => onFirstOutput(() => kill('SIGTERM')),
  );
  assert.notEqual(code, 0);
  assert.match(err, /the benchmark was stopped \[cancelled\]/);
});

test('a part that does not exist is refused with the names of those that do', async () => {
  const { code, out, err } = await run(['engine', '--part', 'pases']);
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(err, /'pases' is invalid.*passes, rows, exits/);
});
