// Checks that lines come in order from a pipe and a keyboard, and that the keyboard is raw only
// while a line is awaited.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { InputStream, Terminal } from '../screen/terminal.js';
import { LineInput } from './line-input.js';

interface Stage {
  readonly input: LineInput;
  readonly keys: PassThrough;
  readonly stop: AbortController;
  /** Whether the keyboard is in raw mode. */
  readonly isRaw: () => boolean;
  readonly screen: () => string;
}

function stage(isKeyboard: boolean): Stage {
  let [isRaw, screen] = [false, ''];
  const setRawMode = (raw: boolean): void => {
    isRaw = raw;
  };
  const keys = Object.assign(new PassThrough(), isKeyboard ? { isTTY: true, setRawMode } : {});
  const out = Object.assign(new PassThrough(), { isTTY: isKeyboard, columns: 80, rows: 24 });
  out.on('data', (bytes) => {
    screen += bytes;
  });
  const stop = new AbortController();
  const terminal = {
    in: keys as unknown as InputStream,
    out,
    err: out,
    env: {},
    signal: stop.signal,
  };
  const input = new LineInput(terminal as unknown as Terminal);
  return { input, keys, stop, isRaw: () => isRaw, screen: () => screen };
}

test('a pipe gives its lines one by one, the last without a break too, and then its end', async () => {
  const { input, keys } = stage(false);
  keys.end('one\ntwo\r\nthree');
  for (const text of ['one', 'two', 'three'])
    assert.deepEqual(await input.read('> '), { kind: 'line', text });
  assert.deepEqual(await input.read('> '), { kind: 'end' });
  input.close();
});

test('a keyboard is raw while a line is awaited and at no other time', async () => {
  const { input, keys, isRaw, screen } = stage(true);
  assert.equal(isRaw(), false);
  const line = input.read('> ');
  assert.equal(isRaw(), true);
  keys.write('hi\r');
  assert.deepEqual(await line, { kind: 'line', text: 'hi' });
  assert.equal(isRaw(), false);
  assert.match(screen(), /> /);
  input.close();
});

test('lines that are pasted together are answered one after the other', async () => {
  const { input, keys } = stage(true);
  const first = input.read('> ');
  keys.write('one\rtwo\r');
  assert.deepEqual(await first, { kind: 'line', text: 'one' });
  assert.deepEqual(await input.read('> '), { kind: 'line', text: 'two' });
  input.close();
});

test('Ctrl-C gives up the line, Ctrl-D and a stopped command end the input', async () => {
  const { input, keys, stop } = stage(true);
  const interrupted = input.read('> ');
  keys.write('half\u0003');
  assert.deepEqual(await interrupted, { kind: 'interrupt', hadText: true });
  const empty = input.read('> ');
  keys.write('\u0003');
  assert.deepEqual(await empty, { kind: 'interrupt', hadText: false });
  const whole = input.read('> ');
  keys.write('new\r');
  assert.deepEqual(await whole, { kind: 'line', text: 'new' });
  const stopped = input.read('> ');
  stop.abort();
  assert.deepEqual(await stopped, { kind: 'end' });
  const { input: other, keys: otherKeys } = stage(true);
  const ended = other.read('> ');
  otherKeys.write('\u0004');
  assert.deepEqual(await ended, { kind: 'end' });
  input.close();
  other.close();
});
