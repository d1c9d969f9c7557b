// Tests that the moments keep their period, no matter when the timer is read.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { FlushTimer } from './flush-timer.js';

it('a beat that is looked at late, or not for long, keeps its distance and never comes twice', () => {
  const looks = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 2000 }), looks, (periodMs, pauses) => {
      const flush = new FlushTimer(periodMs, 1_000);
      let nowMs = 1_000;
      for (const pauseMs of pauses) {
        nowMs += pauseMs;
        if (!flush.isDue(nowMs)) continue;
        flush.pass(nowMs);
        assert.ok(!flush.isDue(nowMs) && flush.atMs <= nowMs + periodMs);
        assert.ok(Number.isInteger((flush.atMs - 1_000) / periodMs));
      }
    }),
  );
});
