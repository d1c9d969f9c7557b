// Checks that a skewed clock never runs backwards, and that a timer set by it never fires too soon.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SkewedClock } from './skewed-clock.js';

const rate = fc.double({ min: 0.1, max: 10, noNaN: true });
const time = fc.double({ min: 0, max: 1e6, noNaN: true });

describe('skewed clock', () => {
  it('shows a time at the moment that it says, not before', () => {
    fc.assert(
      fc.property(rate, time, time, (speed, offsetMs, shownMs) => {
        const clock = new SkewedClock(speed, offsetMs);
        const trueMs = clock.trueTimeOf(shownMs);
        assert.ok(clock.read(trueMs) >= shownMs);
        assert.ok(clock.read(trueMs) - shownMs < 1e-3);
      }),
    );
  });

  it('goes on from where it is when its rate changes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(rate, time), { maxLength: 20 }), (changes) => {
        const clock = new SkewedClock();
        let [trueMs, shownMs] = [0, clock.read(0)];
        for (const [speed, laterMs] of changes) {
          trueMs += laterMs;
          assert.ok(clock.read(trueMs) >= shownMs);
          clock.setRate(speed, trueMs);
          shownMs = clock.read(trueMs);
        }
      }),
    );
  });
});
