// Checks virtual time: events run in order of time and then of scheduling, cancelled ones do not
// run, and nothing is left over.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Timeline, type Timer } from './timeline.js';

describe('timeline', () => {
  it('does what a sorted list would do, cancellations included', () => {
    const plan = fc.array(
      fc.record({ atMs: fc.integer({ min: 0, max: 50 }), cancels: fc.option(fc.nat(40)) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(plan, (entries) => {
        const timeline = new Timeline();
        const timers: Timer[] = [];
        const happened: number[] = [];
        const cancelled = new Set<number>();
        entries.forEach(({ atMs, cancels }, index) => {
          timers.push(timeline.at(atMs, () => happened.push(index)));
          if (cancels === null || cancels >= timers.length) return;
          timeline.cancel(timers[cancels]!);
          cancelled.add(cancels);
        });
        while (timeline.step(Infinity));
        const expected = entries
          .map(({ atMs }, index) => ({ atMs, index }))
          .filter(({ index }) => !cancelled.has(index))
          .sort((a, b) => a.atMs - b.atMs || a.index - b.index)
          .map(({ index }) => index);
        assert.deepEqual(happened, expected);
        assert.equal(timeline.size, 0);
      }),
    );
  });

  it('never goes back, and stops where it is told to', () => {
    const timeline = new Timeline();
    const seen: number[] = [];
    timeline.at(10, () => {
      seen.push(timeline.nowMs);
      timeline.at(3, () => seen.push(timeline.nowMs));
    });
    timeline.at(20, () => seen.push(timeline.nowMs));
    while (timeline.step(15));
    assert.deepEqual(seen, [10, 10]);
    assert.equal(timeline.step(19), false);
    assert.equal(timeline.step(20), true);
  });
});
