// Checks how long a round gets under each stop rule, and that tokens drafted ahead cost nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meanOf, viewOf } from '../session-view.suite.js';
import {
  isRoundOver,
  lengthWithHeadStart,
  roundLength,
  type StopRule,
  wantsConfidence,
} from './stop-rule.js';
import type { TimingsView } from './timings.js';

/** A round trip of 100 ms and a pass of 100 ms. */
const timingsOf = (draftMs: number, acceptanceRate: number): TimingsView => ({
  ...viewOf().timings,
  draft: meanOf(draftMs),
  acceptanceRate,
  roundTimes: { draftMs, verifyMs: 100, roundTripMs: 100 },
});
const unmeasured = viewOf().timings;
const fixed: StopRule = { kind: 'fixed', draftLengthMax: 8 };

describe('a round', () => {
  it('of fixed length has that length, whatever was measured', () => {
    assert.equal(roundLength(fixed, timingsOf(100, 0.1)), 8);
    assert.equal(isRoundOver(fixed, unmeasured, Array(7).fill(null)), false);
    assert.equal(isRoundOver(fixed, unmeasured, Array(8).fill(null)), true);
  });

  it('of adaptive length is longer the cheaper and the surer drafts are', () => {
    const adaptive: StopRule = { kind: 'adaptive', draftLengthMax: 8 };
    const lengths = [timingsOf(1, 0.9), timingsOf(100, 0.9), timingsOf(100, 0.1)].map((timings) =>
      roundLength(adaptive, timings),
    );
    assert.deepEqual(lengths, [8, 3, 1]);
  });

  it('needs confidences under the rules that look at them', () => {
    const kinds = ['fixed', 'adaptive', 'confidence', 'gain'] as const;
    const wanted = kinds.filter((kind) =>
      wantsConfidence({ kind, draftLengthMax: 8, confidenceMin: 0.5 }),
    );
    assert.deepEqual(wanted, ['confidence', 'gain']);
  });

  it('of a rule by confidence ends after the first token less sure than asked for', () => {
    const rule: StopRule = { kind: 'confidence', draftLengthMax: 8, confidenceMin: 0.5 };
    assert.equal(isRoundOver(rule, unmeasured, [0.9, 0.5]), false);
    assert.equal(isRoundOver(rule, unmeasured, [0.4, 0.9]), true);
    assert.equal(isRoundOver(rule, unmeasured, [0.9, null]), false, 'not computed');
    assert.equal(isRoundOver(rule, unmeasured, []), false);
  });

  it('of a rule by gain goes on while a token saves more time than it takes', () => {
    const rule: StopRule = { kind: 'gain', draftLengthMax: 8 };
    // 2.71 tokens in 240 ms: a third draft saves 89 ms in 73 % of the cases.
    assert.equal(isRoundOver(rule, timingsOf(20, 0.9), [0.9, 0.9]), false);
    // 1.39 tokens in 240 ms: it saves 173 ms in 8 %.
    assert.equal(isRoundOver(rule, timingsOf(20, 0.9), [0.1, 0.1]), true);
    assert.equal(isRoundOver(rule, timingsOf(150, 0.9), [0.9, 0.9]), true);
    assert.equal(isRoundOver(rule, unmeasured, [0.1, 0.1, 0.1]), false, 'four before any time');
    assert.equal(isRoundOver(rule, unmeasured, [0.9, 0.9, 0.9, 0.9]), true);
  });
});

describe('a head start', () => {
  it('is sent as it is where a further draft costs more than it brings', () => {
    assert.equal(lengthWithHeadStart(fixed, timingsOf(100, 0.5), 2), 2);
  });

  it('is continued to the end of the round where drafts are cheap and sure', () => {
    assert.equal(lengthWithHeadStart(fixed, timingsOf(1, 0.9), 2), 8);
  });

  it('is continued as far as a token pays for its time', () => {
    assert.equal(lengthWithHeadStart(fixed, timingsOf(20, 0.7), 2), 4);
  });

  it('may be longer than a round, and is a round before anything was measured', () => {
    assert.equal(lengthWithHeadStart(fixed, timingsOf(1, 0.9), 9), 9);
    assert.equal(lengthWithHeadStart(fixed, unmeasured, 2), 8);
    assert.equal(lengthWithHeadStart(fixed, timingsOf(100, 0.5), 0), 8);
  });
});
