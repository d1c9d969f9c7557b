// Checks that a session learns from tested drafts of the server, and from no others.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { InFlightSegment } from '../session-status.js';
import { SessionDrafting } from './session-drafting.js';

const counts = { acceptedCount: 0, rejectedCount: 0 };

/** A pass with so many drafts of the model behind two of the device. */
function segmentOf(modelCount: number): InFlightSegment {
  const server = {
    tokens: new Int32Array(modelCount),
    sources: Array.from({ length: modelCount }, () => 'model' as const),
    chances: new Array<number>(modelCount).fill(0.5),
    confidences: new Array<number>(modelCount).fill(0.5),
  };
  return { draftCount: 2, server } as unknown as InFlightSegment;
}

function rateAfter(acceptedCount: number, testedCount: number): number {
  const known = new SessionDrafting(16, 20);
  known.tested(segmentOf(3), { acceptedCount, testedCount }, counts);
  return known.model.rate;
}

describe('what is known of the drafts of a session', () => {
  const before = new SessionDrafting(16, 20).model.rate;

  it('rises with drafts that stand, and falls with the first that does not', () => {
    assert.ok(rateAfter(5, 5) > rateAfter(4, 4));
    assert.ok(rateAfter(4, 4) > before);
    assert.ok(rateAfter(2, 3) < before);
    // Two stood, and the third fell.
    assert.ok(rateAfter(4, 5) < rateAfter(4, 4));
  });

  it("falls back to a guess while none of the model's drafts are tested", () => {
    const known = new SessionDrafting(16, 20);
    for (let pass = 0; pass < 9; pass++) {
      known.tested(segmentOf(3), { acceptedCount: 2, testedCount: 3 }, counts);
    }
    const low = known.model.rate;
    for (let pass = 0; pass < 99; pass++) {
      known.tested(segmentOf(0), { acceptedCount: 2, testedCount: 2 }, counts);
    }
    assert.ok(low < 0.2 && known.model.rate > low + 0.05, `${known.model.rate}`);
  });

  it("counts how deep into a chain the device's drafts stand", () => {
    const known = new SessionDrafting(16, 20);
    const total = { acceptedCount: 0, rejectedCount: 0 };
    // Each chain stands for two drafts, and the third falls.
    for (let chain = 0; chain < 60; chain++) {
      total.acceptedCount += 2;
      known.decided({ ...total });
      total.rejectedCount += 1;
      known.decided({ ...total });
    }
    assert.ok(known.device.rateAt(0) > 0.85 && known.device.rateAt(1) > 0.85);
    assert.ok(known.device.rateAt(2) < 0.3, `${known.device.rateAt(2)}`);
  });

  it('learns from the drafts of the device that a pass has decided', () => {
    const known = new SessionDrafting(16, 20);
    const { rate } = known.device;
    const decided = { acceptedCount: 2, rejectedCount: 0 };
    known.tested(segmentOf(0), { acceptedCount: 2, testedCount: 2 }, decided);
    assert.ok(known.device.rate > rate);
  });

  it('takes what the device tells of a draft for what such drafts turn out to be', () => {
    const known = new SessionDrafting(16, 20);
    assert.ok(known.deviceChance(0.95, 0) > known.deviceChance(0.05, 0));
    assert.equal(known.deviceChance(null, 3), known.device.rateAt(3));
    // Certain of what falls, and in doubt of what stands.
    for (let pass = 0; pass < 60; pass++) {
      known.decided(counts, [
        { told: 0.05, stood: true },
        { told: 1, stood: false },
      ]);
    }
    assert.ok(known.deviceChance(1, 0) < 0.15, `${known.deviceChance(1, 0)}`);
    assert.ok(known.deviceChance(0.05, 0) > 0.85);
  });

  it('charges a hold once, to the sessions that it was for', () => {
    const known = new SessionDrafting(16, 20);
    const { leftMs } = known.budget;
    known.payHold(10);
    assert.equal(known.budget.leftMs, leftMs);
    known.holdShare = 2;
    known.payHold(10);
    known.payHold(10);
    assert.equal(known.budget.leftMs, leftMs - 20);
  });

  it('tells how many tokens of a pass come from the look-up', () => {
    const known = new SessionDrafting(16, 20);
    const segment = segmentOf(1);
    const server = { ...segment.server, sources: ['suffix' as const] };
    known.tested({ ...segment, server }, { acceptedCount: 3, testedCount: 3 }, counts);
    assert.equal(known.suffixGain, 1 / 16);
    known.tested({ ...segment, server }, { acceptedCount: 1, testedCount: 2 }, counts);
    assert.equal(known.suffixGain, 15 / 256, 'one that falls is none');
  });

  it('measures its tokens per millisecond from pass to pass', () => {
    const known = new SessionDrafting(16, 20);
    for (let pass = 0; pass < 20; pass++) known.committed(3, 20, 0, 30 * pass);
    assert.ok(Math.abs(known.rate.perMs - 0.1) < 1e-9, `${known.rate.perMs}`);
  });

  it('does not change with drafts that were not tested', () => {
    assert.equal(rateAfter(2, 2), before);
    assert.equal(rateAfter(1, 2), before);
    assert.equal(rateAfter(0, 1), before);
  });
});
