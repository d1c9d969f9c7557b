// Checks that a progress bar keeps its place, its pace and its line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgress, progressBar } from './progress.js';

function setUp(isTTY: boolean, columns = 100) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const stream = { write: (text: string) => written.push(text), isTTY, columns };
  const options = {
    label: 'm.gguf',
    totalBytes: 10_000_000,
    startBytes: 1_000_000,
    now: () => clock.ms,
    env: { NO_COLOR: '1' },
  };
  return { written, clock, progress: createProgress(stream, options) };
}

test('a bar is redrawn in place, at most ten times a second, and its last state stays', () => {
  const { written, clock, progress } = setUp(true);
  progress.update(1_000_000);
  for (let ms = 1; ms <= 2000; ms++) {
    clock.ms = ms;
    progress.update(1_000_000 + ms * 2000);
  }
  assert.equal(written.length, 21);
  assert.ok(written.every((text) => text.startsWith('\r\u001b[K') && !text.includes('\n')));
  assert.equal(
    written.at(-1),
    '\r\u001b[Km.gguf  ████████████░░░░░░░░░░░░  5.00 MB of 10.0 MB  50.0 %  2.00 MB/s  2.50 s left',
  );
  progress.update(10_000_000);
  progress.finish();
  progress.finish();
  assert.match(written.at(-2)!, /10\.0 MB of 10\.0 MB {2}100\.0 %/);
  assert.equal(written.at(-1), '\n');
});

test('a narrow terminal loses the bar, never the numbers', () => {
  const { written, progress } = setUp(true, 40);
  progress.update(5_000_000);
  assert.equal(written[0], '\r\u001b[K5.00 MB of 10.0 MB  50.0 %');
});

test('what earlier runs brought does not count towards the rate', () => {
  const { written, clock, progress } = setUp(true);
  clock.ms = 1000;
  progress.update(1_500_000);
  assert.match(written[0]!, /500 kB\/s/);
});

test('a log gets lines: one a tenth, two seconds apart, and the end', () => {
  const { written, clock, progress } = setUp(false);
  for (let ms = 0; ms <= 9000; ms += 10) {
    clock.ms = ms;
    progress.update(1_000_000 + ms * 1000);
  }
  progress.finish();
  assert.ok(written.length >= 4 && written.length <= 6, written.join(''));
  assert.ok(written.every((text) => text.endsWith('\n') && !text.includes('\r')));
  assert.match(written.at(-1)!, /^m\.gguf: 10\.0 MB of 10\.0 MB, 100\.0 %/);
});

test('a note stands on a line of its own, and the bar goes on below', () => {
  const { written, progress } = setUp(true);
  progress.update(2_000_000);
  progress.note('trying again');
  assert.equal(written[1], '\r\u001b[Ktrying again\n');
  assert.match(written[2]!, /2\.00 MB of/);
});

test('the bar never leaves its columns', () => {
  for (const share of [-1, 0, 0.5, 1, 2]) assert.equal(progressBar(share, 10).length, 10);
});
