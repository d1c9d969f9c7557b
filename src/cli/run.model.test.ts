// Runs `pilotfish run` as a user does: with a server, without one, with one that dies, and with
// Ctrl-C at any moment.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePort } from './processes/cli-process.suite.js';
import { run, withServe } from './processes/command.suite.js';
import { fetchStats, statsUrl } from './stats-client.js';

const prompt = 'The old clock';
const small = ['-t', '1', '--seed', '5'];
/** No text ends early: token 2 is the end of a text. */
const long = ['-n', '400', '--logit-bias', '2=-inf'];

describe('pilotfish run without a server', () => {
  const ask = async (...flags: string[]) =>
    run(['run', prompt, '-s', `127.0.0.1:${await freePort()}`, '-n', '12', ...small, ...flags]);

  it('ends with exit code 4 and one sentence, but for draft-only', async () => {
    for (const fallback of ['wait', 'fail']) {
      const { code, out, err } = await ask('--fallback', fallback);
      assert.deepEqual([code, out], [4, '']);
      assert.match(err, /^pilotfish: no server answers at .*\[server-unreachable\]\n {2}.*\n$/);
    }
    const { code, out, err } = await ask('--fallback', 'provisional', '--away-seconds', '1');
    assert.deepEqual([code, out], [4, ''], 'a pipe gets verified text only');
    assert.equal(err.match(/drafting on, trying/g)?.length, 1, err);
    assert.match(err, /no server was reached in 1 s: .*\[server-unreachable\]/);
  });

  it('draft-only writes the text of the draft once, and says that it is not verified', async () => {
    const { code, out, err } = await ask('--fallback', 'draft-only');
    assert.equal(code, 0);
    assert.equal(
      out,
      (await run(['generate', prompt, '-m', 'stories-draft', '-n', '12', ...small])).out,
    );
    assert.match(err, /the last 12 tokens are by the draft model and not verified/);
    const { isVerified, text } = JSON.parse((await ask('--fallback', 'draft-only', '--json')).out);
    assert.deepEqual([isVerified, `${text}\n`], [false, out]);
  });

  it('Ctrl-C while it waits ends it with 130 at once', async () => {
    const port = await freePort();
    const args = ['run', prompt, '-s', `127.0.0.1:${port}`, ...small, '--fallback', 'provisional'];
    // The first output says that it waits, however long loading took.
    const { code, err } = await run(args, {}, (child) => {
      child.onFirstNews(() => child.kill('SIGINT'));
    });
    assert.equal(code, 130, err);
    assert.match(err, /drafting on, trying.*\n.*stopped with Ctrl-C/);
  });
});

describe('pilotfish run with a server', () => {
  const served = ['serve', '-m', 'stories-target', '--slots', '2', '-t', '1', '--deterministic'];

  it('writes one text whatever drafts, side by side, up to a stop string', async () => {
    await withServe(served, async ({ url }) => {
      const ask = (...flags: string[]) =>
        run(['run', prompt, '-s', url, '-n', '40', ...small, ...flags]);
      const drafters = [
        [],
        ['--draft', 'suffix'],
        ['--draft', 'none'],
        ['--mode', 'stop-and-wait'],
      ];
      const texts = await Promise.all(drafters.map(async (flags) => (await ask(...flags)).out));
      assert.deepEqual(new Set(texts).size, 1, texts.join('|'));
      const alone = await run(['generate', prompt, '-n', '40', ...small, '--deterministic']);
      assert.equal(texts[0], alone.out);
      const stop = alone.out.slice(12, 18);
      const { out, err } = await ask('--stop', stop);
      assert.equal(out, `${alone.out.slice(0, alone.out.indexOf(stop))}\n`);
      assert.match(err, /^\d+ tokens in .*, seed 5; stop string found\n(drafts|server): /);
    });
  });

  it('ends in order when its reader has enough: its session is closed, not lost', async () => {
    await withServe(served, async ({ url }) => {
      const args = ['run', prompt, '-s', url, ...long, ...small];
      const { code, err } = await run(args, {}, ({ onFirstOutput, closeOutput }) =>
        onFirstOutput(closeOutput),
      );
      assert.deepEqual([code, err], [0, '']);
      const { core } = await fetchStats(statsUrl(url));
      assert.deepEqual([core.detachedCount, core.connectionCount], [0, 0]);
      assert.ok(core.committedCount < 400, `${core.committedCount} tokens were written`);
    });
  });

  it('says once that the server has died, and ends with 4 where it stays away', async () => {
    await withServe(served, async ({ url, kill }) => {
      const args = ['run', prompt, '-s', url, ...long, ...small, '--away-seconds', '1'];
      const { code, out, err } = await run(args, {}, ({ onFirstOutput }) =>
        onFirstOutput(() => kill('SIGKILL')),
      );
      assert.equal(code, 4, err);
      assert.ok(out.length > 0, 'what was verified stands');
      assert.match(
        err,
        /^pilotfish: the connection broke; trying again for up to 1 s; Ctrl-C stops\n/,
      );
      assert.match(
        err,
        /\npilotfish: the server has been away for 1 s: .* \[link-lost\]\n {2}.*\n$/,
      );
      assert.equal(err.split('\n').length, 4);
    });
  });

  it('Ctrl-C ends a text with 130 and says what was written', async () => {
    await withServe(served, async ({ url }) => {
      const args = ['run', prompt, '-s', url, ...long, ...small];
      const { code, out, err } = await run(args, {}, ({ kill, onFirstOutput }) =>
        onFirstOutput(() => kill('SIGINT')),
      );
      assert.equal(code, 130, err);
      assert.ok(out.endsWith('\n'));
      assert.match(err, /^\d+ tokens? in .*, seed 5; stopped with Ctrl-C\n/);
    });
  });
});
