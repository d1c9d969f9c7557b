// Checks errors as a user sees them: sentence, code, remedy, exit code.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommanderError } from 'commander';
import { InvariantError } from '../base/assert.js';
import { type ErrorCode, errorTable, PilotfishError } from '../base/error.js';
import { failureReport, printFailure } from './failure.js';
import { withFlagNames } from './flags/flag-names.js';

function print(reason: unknown, env: Record<string, string> = {}) {
  let written = '';
  const stream = {
    write: (text: string) => {
      written += text;
    },
  };
  const code = printFailure(reason, {
    out: stream,
    err: stream,
    env,
    signal: new AbortController().signal,
  });
  return { written, code };
}

test('every code of the table is printed as sentence, code and remedy, with its exit code', () => {
  for (const [code, entry] of Object.entries(errorTable)) {
    const printed = print(new PilotfishError(code as ErrorCode, 'it broke'));
    // A user who stopped the command needs no advice.
    const advice = code === 'cancelled' ? '' : `  ${withFlagNames(entry.remedy)}\n`;
    assert.equal(printed.written, `pilotfish: it broke [${code}]\n${advice}`);
    assert.equal(printed.code, code === 'cancelled' ? 130 : entry.exitCode);
  }
});

test('no message can control the terminal, whatever its source', () => {
  const reason = new PilotfishError(
    'server-refused',
    'no\u001b]0;mine\u0007 \u001b[2Jroom\u009b1m\nforged line \u202efdp.exe\u2028\u2066x',
  );
  const { written } = print(reason, { PILOTFISH_DEBUG: '1' });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  assert.doesNotMatch(written, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  assert.match(written, /no␛\]0;mine/);
  assert.doesNotMatch(written, /^forged|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/m);
});

test('a stack trace is shown only on request, and then with its causes', () => {
  const error = new PilotfishError('download-failed', 'outer', { cause: new Error('inner') });
  assert.doesNotMatch(print(error).written, / {4}at /);
  const { written } = print(error, { PILOTFISH_DEBUG: '1' });
  assert.match(written, /PilotfishError: outer\n {4}at /);
  assert.match(written, /Error: inner\n {4}at /);
});

test('a ring of causes ends', () => {
  const error = new Error('round');
  error.cause = error;
  assert.equal(print(error, { PILOTFISH_DEBUG: '1' }).written.match(/Error: round/g)?.length, 8);
});

test('an internal error says that it is a bug', () => {
  const { written, code } = print(new InvariantError('slot 3 is not open'));
  assert.match(written, /internal error: slot 3 is not open \[internal\]/);
  assert.equal(code, 1);
});

test('commander errors lose their prefix and their line breaks', () => {
  const reason = new CommanderError(
    1,
    'commander.unknownOption',
    "error: unknown option '--jsn'\n(Did you mean --json?)",
  );
  assert.deepEqual(failureReport(reason), {
    message: "unknown option '--jsn' (Did you mean --json?)",
    remedy: errorTable.usage.remedy,
    code: 'usage',
    exitCode: 2,
  });
});
