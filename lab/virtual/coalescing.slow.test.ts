// Checks that holding drafts back in race saves most messages and costs hardly any time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSendings } from './coalescing.js';

test('the margin sends half the messages of every token at once, and loses less than 4 % of the time', () => {
  const rows = compareSendings(1);
  for (const row of rows.filter(({ sending }) => sending === 'margin')) {
    const { roundTripMs, jitterMs } = row;
    const atOnce = rows.find(
      (other) =>
        other.sending === 'at-once' &&
        other.roundTripMs === roundTripMs &&
        other.jitterMs === jitterMs,
    )!;
    const where = `round trip ${roundTripMs} ms, jitter ${jitterMs} ms`;
    assert.ok(row.upMessages < 0.5 * atOnce.upMessages, `${where}: ${row.upMessages} messages`);
    assert.ok(row.tokenMs < 1.04 * atOnce.tokenMs, `${where}: ${row.tokenMs} ms`);
  }
});
