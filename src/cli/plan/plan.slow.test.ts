// Runs `pilotfish plan` as a user does: the set-up with its sources, advice that follows from the
// numbers, and refusals in one sentence.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { run } from '../processes/command.suite.js';

const small = ['plan', '--users-max', '4', '--answer-tokens', '24', '--round-trip-ms', '10'];

describe('pilotfish plan', () => {
  it('says by --json what it says in words, and advises the fastest mode', async () => {
    const args = [...small, '--draft-ms', '5', '--acceptance', '0.8', '--jitter-ms', '0'];
    const { code, out, err } = await run([...args, '--json']);
    assert.deepEqual([code, err], [0, '']);
    const { question, modes, best } = JSON.parse(out);
    assert.equal(question.roundTripMs, 10);
    const asked = (name: string) =>
      modes.find(({ mode }: { mode: string }) => mode === name).asked.tokensPerSecond;
    const speeds = modes.map(({ mode }: { mode: string }) => asked(mode));
    // Auto, the default, is preferred where it is even.
    assert.ok(1.02 * asked(best) >= Math.max(...speeds), `${best} of ${speeds}`);
    // With fast and good drafts race must be well ahead, and streaming gives one token per pass.
    assert.ok(asked('race') > 1.3 * asked('stream'));
    assert.ok(Math.abs(asked('stream') - 1_000 / 30.8) < 1);
  });

  it('counts on a draft model of the server where its time is given', async () => {
    const args = ['--modes', 'auto', 'co-located', 'stream', '--draft-ms', '200'];
    const { code, out } = await run([...small, ...args, '--server-draft-ms', '3']);
    assert.equal(code, 0);
    assert.match(out, /\n +3 ms a token drafted on the server, 70 % accepted\n/);
    assert.match(
      out,
      /For one user, (auto, the default|--mode co-located): (1\.[3-9]|2\.)\d+ times/,
    );
    for (const line of out.split('\n').slice(8)) assert.ok(line.length <= 80, line);
  });

  it('advises to stream where drafts come too late, and says where its numbers are from', async () => {
    const { code, out } = await run([...small, '--draft-ms', '200', '--row-ms', '1']);
    assert.equal(code, 0);
    assert.match(out, /target +30 ms a pass, 1 ms a row, .*\(given, the rest profile memory\)/);
    assert.match(out, /For one user, stream:/);
    assert.match(out, /Every mode carries 4 or more|carr(y|ies) the most users: 4 or more/);
  });

  const refused = [
    { args: ['--acceptance', '2'], says: /--acceptance takes a number in \[0.42, 1\], not 2/ },
    { args: ['--modes', 'co-located'], says: /co-located needs --server-draft-ms/ },
    { args: ['--link', 'pigeon'], says: /pigeon/ },
    { args: ['--stats', 'ws://127.0.0.1:9'], says: /no server answers at/, exitCode: 4 },
  ];
  for (const { args, says, exitCode = 2 } of refused) {
    it(`refuses ${args.join(' ')}`, async () => {
      const { code, out, err } = await run(['plan', ...args]);
      assert.deepEqual([code, out], [exitCode, '']);
      assert.match(err, says);
    });
  }
});
