// Checks numbers as users read them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMemory,
  formatShare,
  formatTokenRate,
} from './numbers.js';

test('sizes keep three digits and change unit before the fourth', () => {
  assert.deepEqual(
    [0, 999, 999.4, 999.6, 1000, 9994, 17_941_056, 999_499, 999_501, 4.7e9, 3e15].map(formatBytes),
    [
      '0 B',
      '999 B',
      '999 B',
      '1.00 kB',
      '1.00 kB',
      '9.99 kB',
      '17.9 MB',
      '999 kB',
      '1.00 MB',
      '4.70 GB',
      '3000 TB',
    ],
  );
  assert.deepEqual([2 ** 20, 2 ** 30 - 1, 8 * 2 ** 30].map(formatMemory), [
    '1.00 MiB',
    '1.00 GiB',
    '8.00 GiB',
  ]);
});

test('durations never show sixty of a unit', () => {
  assert.deepEqual(
    [0.314, 12.34, 999.4, 999.6, 59_940, 59_960, 119_600, 3_599_400, 3_599_600, 3_720_000].map(
      formatDuration,
    ),
    [
      '0.31 ms',
      '12.3 ms',
      '999 ms',
      '1.00 s',
      '59.9 s',
      '1 min 00 s',
      '2 min 00 s',
      '59 min 59 s',
      '1 h 00 min',
      '1 h 02 min',
    ],
  );
});

test('counts, shares and rates', () => {
  assert.deepEqual([0, 512, 4096, 8_917_248].map(formatCount), ['0', '512', '4 096', '8 917 248']);
  assert.equal(formatShare(0.7341), '73.4 %');
  assert.equal(formatTokenRate(512, 490), '1045 tokens/s');
  assert.equal(formatTokenRate(3, 0), '-');
});
