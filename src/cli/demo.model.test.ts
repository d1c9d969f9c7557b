// Runs `pilotfish demo` as a user does: without a terminal, and with Ctrl-C at any moment, which
// leaves no process behind.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './processes/command.suite.js';
import { displayWidth } from './screen/table.js';

/** Ids of the processes with the mark of a test in their environment. */
function marked(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
      } catch {
        return false;
      }
    });
}

async function gone(mark: string): Promise<string[]> {
  for (let tries = 0; tries < 50 && marked(mark).length > 0; tries++) await sleep(100);
  return marked(mark);
}

describe('pilotfish demo', { skip: process.platform !== 'linux' && '/proc is of Linux' }, () => {
  const quick = ['demo', '--turns', '1', '--pass-ms', '5', '--round-trip-ms', '10'];

  it('shows a text, both tables and a verdict, in plain text where there is no terminal', async () => {
    const mark = `DEMO_TEST=${process.pid}-whole`;
    const [name, value] = mark.split('=') as [string, string];
    const { code, out, err } = await run(quick, { [name]: value });
    assert.deepEqual([code, err], [0, '']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f]/);
    for (const line of out.split('\n')) assert.ok(displayWidth(line) <= 80, line);
    assert.match(out, /pass +emulated: 5 ms/);
    assert.match(
      out,
      /\n {2}device alone .*\n {2}streaming .*\n {2}stop-and-wait .*\n {2}pipeline/,
    );
    assert.equal(out.match(/\n {2}auto, no device .*\n {2}auto {4,}/g)?.length, 2);
    assert.match(out, /Device 1 wrote it once more, and after 32 tokens nothing of it reached/s);
    assert.match(out, /the same in every row, token for token/);
    assert.deepEqual(await gone(mark), []);
  });

  it('Ctrl-C while it starts, writes or waits ends it with 130 and leaves no process', async () => {
    for (const [index, delayMs] of [150, 900, 2500].entries()) {
      const mark = `DEMO_TEST=${process.pid}-${index}`;
      const [name, value] = mark.split('=') as [string, string];
      const { code, err } = await run(quick, { [name]: value }, ({ kill, onFirstOutput }) =>
        onFirstOutput(() => setTimeout(() => kill('SIGINT'), delayMs)),
      );
      assert.deepEqual([code, err], [130, '']);
      assert.deepEqual(await gone(mark), []);
    }
  });

  it('--keep prints lines that work when they are pasted, and Ctrl-C then ends it with 0', async () => {
    const mark = `DEMO_TEST=${process.pid}-keep`;
    const [name, value] = mark.split('=') as [string, string];
    let said = '';
    const pasted: string[] = [];
    const { code, err } = await run([...quick, '--keep'], { [name]: value }, (child) => {
      child.onOutput((text) => {
        said += text;
        if (pasted.length > 0 || !/ top --server .*\n$/.test(said)) return;
        for (const line of said.split('\n').filter((one) => one.startsWith('curl'))) {
          pasted.push(spawnSync('bash', ['-c', line], { encoding: 'utf8' }).stdout);
        }
        child.kill('SIGINT');
      });
    });
    assert.deepEqual([code, err], [0, '']);
    const [chat, completion, models, metrics] = pasted as [string, string, string, string];
    assert.match(chat, /^data: \{.*\n\ndata: \[DONE\]\n/s);
    assert.equal(JSON.parse(completion).usage.completion_tokens, 40);
    assert.equal(JSON.parse(models).data[0].id, 'llama-stories-target-9m');
    assert.match(metrics, /^pilotfish_committed_tokens_total \d/m);
    assert.deepEqual(await gone(mark), []);
  });
});
