// Checks the share of recent time in which the engine computed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Occupancy } from './occupancy.js';

/** After passes of 10 ms with a pause after each. */
function shareOf(pauseMs: number, passCount = 200): number {
  const occupancy = new Occupancy();
  for (let pass = 0; pass < passCount; pass++) {
    const fromMs = pass * (10 + pauseMs);
    occupancy.add(fromMs, fromMs + 10);
  }
  return occupancy.busyShare;
}

describe('the busy share of an engine', () => {
  it('is 0 before the first pass, and begins as if there had been no work for a second', () => {
    assert.equal(new Occupancy().busyShare, 0);
    assert.equal(shareOf(0, 1), 1 / 101);
  });

  it('becomes the share of passes in the time', () => {
    assert.ok(Math.abs(shareOf(30) - 0.25) < 1e-6);
  });

  it('takes any longer pause for one of a second', () => {
    assert.equal(shareOf(60_000), shareOf(1000));
    assert.ok(shareOf(999) > shareOf(1000));
  });

  it('stays below 1 on an engine that never rests', () => {
    assert.equal(shareOf(0), 0.999);
  });
});
