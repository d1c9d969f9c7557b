// Checks that drafts leave as late as a pass still takes them, less a margin for jitter.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deadlineWithEnough, isTimeToSend, sendDeadline } from './coalesce.js';

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

describe('the moment to send more to a server that has enough to hold no longer', () => {
  const clock = {
    verdictMs: 1000,
    passMs: 120,
    passDeviationMs: 0,
    roundTripMs: 20,
    roundTripDeviationMs: 0,
  };

  it('is before the end of the pass that a verdict shows to have begun', () => {
    assert.equal(deadlineWithEnough(clock, -Infinity, 8, 1010), 1094);
    assert.equal(deadlineWithEnough(clock, 1050, 8, 1051), 1094);
  });

  it('is now while the pass may be over or may go on, by when the drafts came', () => {
    assert.equal(deadlineWithEnough(clock, 1050, 8, 1100), 1100);
    assert.equal(deadlineWithEnough(clock, 1050, 8, 1163), 1163);
    assert.equal(deadlineWithEnough(clock, 1050, 8, 1165), 1284);
    assert.equal(deadlineWithEnough(clock, -Infinity, 8, 1100), 1214);
  });

  it('is now behind the first pass where passes are short', () => {
    assert.equal(deadlineWithEnough({ ...clock, roundTripMs: 61 }, -Infinity, 8, 1100), 1100);
    assert.equal(deadlineWithEnough(clock, -Infinity, 18, 1100), 1100);
  });
});
