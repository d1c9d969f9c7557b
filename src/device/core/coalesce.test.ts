// Checks that drafts leave as late as a pass still takes them, less a margin for jitter.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isTimeToSend, sendDeadline } from './coalesce.js';

describe('the moment to send', () => {
  const clock = {
    verdictMs: 1000,
    passMs: 30,
    passDeviationMs: 0,
    roundTripMs: 20,
    roundTripDeviationMs: 0,
  };

  it('is a round trip and a twentieth of a pass before the end of the pass that runs', () => {
    assert.equal(sendDeadline(clock, 1000), 1008.5);
    assert.equal(sendDeadline(clock, 1008.5), 1008.5);
    assert.equal(sendDeadline(clock, 1009), 1038.5);
    assert.equal(sendDeadline({ ...clock, roundTripMs: 100 }, 1000), 1018.5);
  });

  it('is earlier by what strays, and never by more than a quarter of a pass', () => {
    assert.equal(sendDeadline({ ...clock, passDeviationMs: 2 }, 1000), 1006);
    assert.equal(sendDeadline({ ...clock, passDeviationMs: 5 }, 1000), 1002.5);
    assert.equal(sendDeadline({ ...clock, passDeviationMs: 50 }, 1000), 1002.5);
  });

  it('without a margin is never the end of a pass that is over: a tie is lost', () => {
    assert.equal(sendDeadline(clock, 1000, 'exact'), 1010);
    assert.equal(sendDeadline({ ...clock, roundTripMs: 0 }, 1000, 'exact'), 1030);
  });

  it('waits for a token that comes in time, and for no other', () => {
    assert.equal(isTimeToSend(1010, 1000, 8), false);
    assert.equal(isTimeToSend(1010, 1003, 8), true);
    assert.equal(isTimeToSend(1010, 1003, Infinity), false);
    assert.equal(isTimeToSend(1010, 1010, Infinity), true);
  });
});
