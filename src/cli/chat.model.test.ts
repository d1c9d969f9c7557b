// Runs `pilotfish chat` as a script does, with a real server: answers in order, a full context, and
// Ctrl-C.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { run, withServe } from './processes/command.suite.js';

const served = ['serve', '-m', 'stories-target', '--slots', '2', '-t', '1', '--deterministic'];
const small = ['-t', '1', '--seed', '5'];

it('answers each line of a pipe, with one text for every drafter, and drops old turns when the context is full', async () => {
  await withServe(served, async ({ url }) => {
    const talk = (lines: string, ...flags: string[]) =>
      run(['chat', '-s', url, ...small, ...flags], {}, () => undefined, lines);
    const one = await talk('Tell me of a fox.\nAnd then?\n', '-n', '20', '--stats');
    assert.equal(one.code, 0, one.err);
    assert.match(one.err, /20 tokens .*, seed 5; .*20 tokens .*, seed 6; /s);
    const other = await talk('Tell me of a fox.\nAnd then?\n', '-n', '20', '--draft', 'suffix');
    assert.equal(other.out, one.out);
    const lines = 'Tell me more.\n'.repeat(4);
    const full = await talk(lines, '-n', '200', '--logit-bias', '2=-inf');
    assert.equal(full.code, 0, full.err);
    assert.match(full.err, /the context is full: the (\d )?oldest turns? w(as|ere) dropped/);
    const long = await talk(`${'word '.repeat(600)}\n`);
    assert.equal(long.code, 2);
    assert.match(long.err, /\[prompt-too-long\]/);
  });
});

it('ends with 4 where there is no server, and with 130 on Ctrl-C through a pipe', async () => {
  const alone = await run(['chat', '-s', '127.0.0.1:9', ...small], {}, () => undefined, 'Hello\n');
  assert.deepEqual([alone.code, alone.out], [4, '']);
  await withServe(served, async ({ url }) => {
    const args = ['chat', '-s', url, ...small, '-n', '450', '--logit-bias', '2=-inf'];
    const stopped = await run(
      args,
      {},
      ({ kill, onFirstOutput }) => onFirstOutput(() => kill('SIGINT')),
      'Hello\nAgain\n',
    );
    assert.equal(stopped.code, 130, stopped.err);
    assert.ok(stopped.out.length > 0 && stopped.out.endsWith('\n'));
  });
});
