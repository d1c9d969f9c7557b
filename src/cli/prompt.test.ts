// Checks prompts from argument, pipe and file, byte for byte.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { readPrompt } from './prompt.js';
import type { InputStream, Terminal } from './screen/terminal.js';

const quiet = { write: () => true };
const terminal = (input?: InputStream, signal = new AbortController().signal): Terminal => ({
  ...(input && { in: input }),
  out: quiet,
  err: quiet,
  env: {},
  signal,
});
const piped = (...chunks: readonly (string | Uint8Array)[]): InputStream =>
  Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

test('the argument is taken as it stands, and what is piped in is not read then', async () => {
  assert.equal(await readPrompt('Once\n', undefined, terminal()), 'Once\n');
});

test('a pipe and a file lose one line break at their end, and no more', async (t) => {
  assert.equal(await readPrompt(undefined, undefined, terminal(piped('é', 'n\n', '\n'))), 'én\n');
  assert.equal(await readPrompt(undefined, '-', terminal(piped('a\r\n'))), 'a');
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-prompt-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'prompt.txt');
  writeFileSync(file, 'Once upon\n');
  assert.equal(await readPrompt(undefined, file, terminal()), 'Once upon');
  await assert.rejects(readPrompt(undefined, folder, terminal()), {
    code: 'usage',
    message: /it is a folder/,
  });
});

test('a character cut between chunks is whole', async () => {
  const [head, tail] = [Uint8Array.of(0xc3), Uint8Array.of(0xa9)];
  assert.equal(await readPrompt(undefined, undefined, terminal(piped(head, tail))), 'é');
});

test('no prompt, two prompts and unreadable ones are refused with what is wrong', async () => {
  const screen = Object.assign(piped('x'), { isTTY: true });
  const cases: readonly [Parameters<typeof readPrompt>, string, RegExp][] = [
    [[undefined, undefined, terminal()], 'usage', /there is no prompt/],
    [[undefined, undefined, terminal(screen)], 'usage', /there is no prompt/],
    [['a', 'b', terminal()], 'usage', /given twice/],
    [['', undefined, terminal()], 'prompt-empty', /empty/],
    [[undefined, undefined, terminal(piped('\n'))], 'prompt-empty', /empty/],
    [[undefined, '/nowhere/x', terminal()], 'usage', /cannot read .*no such file/],
    [[undefined, undefined, terminal(piped(Uint8Array.of(0xff)))], 'usage', /UTF-8/],
  ];
  for (const [given, code, message] of cases) {
    await assert.rejects(readPrompt(...given), { code, message });
  }
});

test('a pipe without end is refused before memory is full', async () => {
  const endless = Readable.from(
    (function* () {
      const block = Buffer.alloc(2 ** 22, 'a');
      for (;;) yield block;
    })(),
  );
  await assert.rejects(readPrompt(undefined, undefined, terminal(endless)), {
    code: 'prompt-too-long',
  });
});

test('a reading that waits for ever ends with Ctrl-C', async () => {
  const stop = new AbortController();
  const reading = readPrompt(undefined, undefined, terminal(new PassThrough(), stop.signal));
  stop.abort();
  await assert.rejects(reading, { code: 'cancelled' });
});
