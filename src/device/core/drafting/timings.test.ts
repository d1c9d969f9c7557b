// Checks when the times of a round are known, and what they are made of.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { raceTokenMsMin } from '../../../math/round-time.js';
import { ForgettingMean } from '../estimate.js';
import { DraftPassTimes } from './draft-pass-times.js';
import { Timings } from './timings.js';

interface Measured {
  readonly draftMs?: number;
  readonly passMs?: number;
  readonly queueMs?: number;
  readonly roundTripMs?: number;
}

function timingsOf({ draftMs, passMs, queueMs, roundTripMs }: Measured): Timings {
  const roundTrip = new ForgettingMean(4);
  const timings = new Timings(roundTrip, new DraftPassTimes());
  if (draftMs !== undefined) timings.addDraftPass(1, draftMs);
  if (passMs !== undefined) timings.pass.add(passMs);
  if (queueMs !== undefined) timings.queue.add(queueMs);
  if (roundTripMs !== undefined) roundTrip.add(roundTripMs);
  return timings;
}

const all = { draftMs: 8, passMs: 30, roundTripMs: 20 };

describe('the times of a round', () => {
  it('are known once a draft, a pass and a round trip were measured', () => {
    assert.deepEqual(timingsOf(all).roundTimes, { draftMs: 8, verifyMs: 30, roundTripMs: 20 });
    for (const name of ['draftMs', 'passMs', 'roundTripMs'] as const) {
      const { [name]: _, ...others } = all;
      const timings = timingsOf(others);
      assert.deepEqual([timings.roundTimes, timings.raceShare], [null, null], name);
    }
  });

  it('have the queue in the time of a verdict, which is never nothing', () => {
    assert.equal(timingsOf({ ...all, queueMs: 5 }).roundTimes?.verifyMs, 35);
    assert.equal(timingsOf({ ...all, passMs: 0 }).roundTimes?.verifyMs, 1e-3);
  });

  it('tell what race takes at least, without the queue', () => {
    const timings = timingsOf({ ...all, queueMs: 5 });
    const times = { draftMs: 8, verifyMs: 30, roundTripMs: 20 };
    assert.equal(timings.raceShare, raceTokenMsMin(times, 0.6) / 30);
  });

  it('of drafting are of passes of one row', () => {
    const timings = timingsOf({ draftMs: 8 });
    timings.addDraftPass(2, 100);
    assert.equal(timings.draft.mean, 8);
  });
});
