// Checks the measured rate of a session: right for a steady one, soon right for one that changes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TokenRate } from './token-rate.js';

function after(rate: TokenRate, passCount: number, tokenCount: number, ms: number): number {
  for (let pass = 0; pass < passCount; pass++) rate.add(tokenCount, ms);
  return rate.perMs;
}

describe('the tokens per millisecond of a session', () => {
  it('are unknown for eight passes', () => {
    const rate = new TokenRate();
    assert.equal(after(rate, 7, 2, 10), 0);
    assert.ok(Math.abs(after(rate, 1, 2, 10) - 0.2) < 1e-12);
  });

  it('are those of all passes, however many tokens and milliseconds each has', () => {
    const rate = new TokenRate();
    for (let pass = 0; pass < 50; pass++) {
      rate.add(1, 10);
      rate.add(3, 30);
    }
    assert.ok(Math.abs(rate.perMs - 0.1) < 1e-12);
  });

  it('follow a change within a hundred passes or two', () => {
    const rate = new TokenRate();
    after(rate, 200, 1, 10);
    assert.ok(Math.abs(after(rate, 48, 2, 10) - (0.2 - 0.1 / Math.E)) < 0.003);
    assert.ok(Math.abs(after(rate, 150, 2, 10) - 0.2) < 0.003);
  });

  it('stay unknown where no time has passed', () => {
    assert.equal(after(new TokenRate(), 20, 1, 0), 0);
  });
});
