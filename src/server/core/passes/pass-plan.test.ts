// Checks that a plan keeps every bound, starves no session and shares rows evenly, and that static
// batching waits and pads as the paper says.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PassShape } from '../../../math/pass-time.js';
import {
  Batch,
  type BatchBounds,
  type Candidate,
  type PassPlan,
  type PlannedSegment,
} from './batch.js';
import { planPass } from './pass-plan.js';

const bounds: BatchBounds = {
  batching: { kind: 'continuous' },
  passTokensMax: 64,
  passRowsMax: 32,
  passMsMax: 1e9,
  prefillShare: 0.25,
  prefillMsMax: 1e9,
  fairness: null,
};

const linear = ({ tokenCount, rowCount }: PassShape): number => 5 + tokenCount + 0.5 * rowCount;

function candidate(key: number, changes: Partial<Candidate> = {}): Candidate {
  return {
    key,
    tenant: 1,
    cacheLength: 20,
    missingCount: 1,
    draftCount: 4,
    wantsJudging: true,
    waitingSinceMs: key,
    deadlineMs: key,
    ...changes,
  };
}

const prompt = (key: number, missingCount: number): Candidate =>
  candidate(key, { cacheLength: 0, missingCount, draftCount: 0 });

function sharesOf(plan: PassPlan): readonly PlannedSegment[] {
  assert.equal(plan.kind, 'pass');
  return plan.kind === 'pass' ? plan.segments : [];
}

const anyCandidates = fc
  .array(
    fc.record({
      cacheLength: fc.integer({ min: 0, max: 500 }),
      missingCount: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 300 })),
      draftCount: fc.integer({ min: 0, max: 20 }),
      wantsJudging: fc.boolean(),
      waitingSinceMs: fc.integer({ min: 0, max: 100 }),
      deadlineMs: fc.integer({ min: 0, max: 100 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((list) =>
    list.map(
      (one, key): Candidate => ({
        ...one,
        key,
        tenant: 1 + (key % 3),
        // Without a row wanted there is work only above one missing token.
        missingCount: one.wantsJudging ? one.missingCount : one.missingCount + 1,
      }),
    ),
  );

const anyBounds = fc.record({
  batching: fc.oneof(
    fc.constant({ kind: 'continuous' } as const),
    fc.record({
      kind: fc.constant('static' as const),
      count: fc.integer({ min: 1, max: 8 }),
      waitMs: fc.integer({ min: 0, max: 50 }),
    }),
  ),
  passTokensMax: fc.integer({ min: 9, max: 128 }),
  passRowsMax: fc.integer({ min: 1, max: 64 }),
  passMsMax: fc.integer({ min: 1, max: 200 }),
  prefillShare: fc.double({ min: 0.05, max: 0.9, noNaN: true }),
  prefillMsMax: fc.integer({ min: 1, max: 200 }),
  fairness: fc.constantFrom(null, { tenantCount: 3, creditMsOf: () => 0 }),
});

describe('batcher', () => {
  it('keeps the bounds of tokens and rows, takes no session twice and nothing that is not there', () => {
    fc.assert(
      fc.property(anyCandidates, anyBounds, (candidates, limits) => {
        const plan = planPass(candidates, limits, linear, 60);
        if (plan.kind !== 'pass') return;
        const { segments: shares } = plan;
        let [tokens, rows] = [0, 0];
        for (const { key, fillCount, draftCount, padCount, isJudged } of shares) {
          const { missingCount, draftCount: drafts, wantsJudging } = candidates[key]!;
          assert.ok(fillCount >= 1 && fillCount <= missingCount);
          assert.ok(draftCount <= drafts);
          if (isJudged) assert.ok(wantsJudging && fillCount === missingCount);
          else assert.ok(fillCount < missingCount && draftCount === 0);
          if (limits.batching.kind === 'continuous') assert.equal(padCount, 0);
          tokens += fillCount + draftCount + padCount;
          rows += isJudged ? draftCount + padCount + 1 : 0;
        }
        assert.equal(new Set(shares.map(({ key }) => key)).size, shares.length);
        assert.ok(tokens <= limits.passTokensMax && rows <= limits.passRowsMax);
      }),
    );
  });

  it('always finds work, or says until when it waits', () => {
    fc.assert(
      fc.property(anyCandidates, anyBounds, (candidates, limits) => {
        const plan = planPass(candidates, limits, linear, 60);
        assert.notEqual(plan.kind, 'idle');
        if (plan.kind === 'wait') assert.ok(limits.batching.kind === 'static' && plan.untilMs > 60);
      }),
    );
  });

  it('serves deadlines in their order when a pass cannot hold all', () => {
    const candidates = [3, 1, 2].map((key) => candidate(key, { draftCount: 0 }));
    const shares = sharesOf(planPass(candidates, { ...bounds, passRowsMax: 2 }, linear, 0));
    assert.deepEqual(
      shares.map(({ key }) => key),
      [1, 2],
    );
  });

  it('cuts the drafts of all before it leaves a session out, and cuts them evenly', () => {
    const candidates = Array.from({ length: 8 }, (_, key) => candidate(key, { draftCount: 16 }));
    const shares = sharesOf(planPass(candidates, bounds, linear, 0));
    assert.deepEqual(
      shares.map(({ draftCount }) => draftCount),
      new Array(8).fill(3),
    );
  });

  it('stops adding segments when the pass is predicted to last too long, but not at the first', () => {
    const candidates = Array.from({ length: 8 }, (_, key) => candidate(key, { draftCount: 0 }));
    const some = sharesOf(planPass(candidates, { ...bounds, passMsMax: 10 }, linear, 0));
    assert.equal(some.length, 3);
    assert.equal(sharesOf(planPass(candidates, { ...bounds, passMsMax: 0 }, linear, 0)).length, 1);
  });

  it('gives prompts their share beside a full load of verification, and no more', () => {
    const busy = Array.from({ length: 40 }, (_, key) => candidate(key, { draftCount: 8 }));
    const limits = { ...bounds, passRowsMax: 64 };
    const shares = sharesOf(planPass([...busy, prompt(99, 500)], limits, linear, 0));
    assert.equal(shares.find(({ key }) => key === 99)?.fillCount, 16);
    const verified = shares.filter(({ key }) => key !== 99);
    assert.equal(
      verified.reduce((sum, { fillCount, draftCount }) => sum + fillCount + draftCount, 0),
      48,
    );
  });

  it('holds prompts to their share where they would make the others wait', () => {
    const limits = { ...bounds, prefillMsMax: 10 };
    const shares = sharesOf(planPass([candidate(1), prompt(2, 500)], limits, linear, 0));
    assert.equal(shares.find(({ key }) => key === 2)?.fillCount, 16);
    const alone = sharesOf(planPass([prompt(2, 500)], bounds, linear, 0));
    assert.equal(alone[0]!.fillCount, 64);
  });

  it('takes nine missing tokens for a prompt, and fewer for a round with its drafts', () => {
    const missing = (missingCount: number): [number, number][] =>
      sharesOf(planPass([candidate(1, { missingCount })], bounds, linear, 0)).map(
        ({ fillCount, draftCount }) => [fillCount, draftCount],
      );
    assert.deepEqual(missing(2), [[2, 4]]);
    assert.deepEqual(missing(8), [[8, 4]]);
    assert.deepEqual(missing(9), [[9, 0]]);
  });

  it('promises prompts whole tokens of their share, and one at least', () => {
    const shareOf = (passTokensMax: number): number =>
      new Batch({ ...bounds, passTokensMax }, linear).promptShare;
    assert.deepEqual([64, 10, 2].map(shareOf), [16, 2, 1]);
  });

  it('predicts its time from the tokens, rows and contexts that are in it', () => {
    const predictedOf = (one: Candidate, measure: keyof PassShape): number => {
      const plan = planPass([one], bounds, (shape) => shape[measure], 0);
      assert.ok(plan.kind === 'pass');
      return plan.predictedMs;
    };
    const measures = ['tokenCount', 'rowCount', 'tokenContext'] as const;
    const shapeOf = (one: Candidate) => measures.map((measure) => predictedOf(one, measure));
    // A token after 20, and four drafts after that.
    assert.deepEqual(shapeOf(candidate(1)), [5, 5, 21 + 22 + 23 + 24 + 25]);
    assert.deepEqual(shapeOf(prompt(1, 10)), [10, 1, 10 * 10]);
    const unasked = { ...prompt(1, 10), wantsJudging: false };
    assert.deepEqual(shapeOf(unasked), [9, 0, 9 * 9]);
  });

  it('leaves the last token of a prompt out where no row is left to judge', () => {
    const rounds = Array.from({ length: 4 }, (_, key) => candidate(key, { draftCount: 0 }));
    const rows = (passRowsMax: number) =>
      sharesOf(planPass([...rounds, prompt(9, 20)], { ...bounds, passRowsMax }, linear, 0)).at(-1);
    const share = { key: 9, draftCount: 0, padCount: 0 };
    assert.deepEqual(rows(4), { ...share, fillCount: 19, isJudged: false });
    assert.deepEqual(rows(5), { ...share, fillCount: 20, isJudged: true });
  });

  it('feeds a prompt no more than it may have at once, and others beside it', () => {
    const limited = { ...prompt(1, 20), fillMax: 6 };
    const shares = sharesOf(planPass([limited, prompt(2, 9)], bounds, linear, 0));
    assert.deepEqual(
      shares.map(({ fillCount, isJudged }) => [fillCount, isJudged]),
      [
        [6, false],
        [9, true],
      ],
    );
  });

  it('judges the row after a prompt that is complete', () => {
    const [share] = sharesOf(planPass([prompt(1, 20)], bounds, linear, 0));
    assert.deepEqual(share, { key: 1, fillCount: 20, draftCount: 0, padCount: 0, isJudged: true });
    const unasked = { ...prompt(1, 20), wantsJudging: false };
    const [filled] = sharesOf(planPass([unasked], bounds, linear, 0));
    assert.deepEqual(filled, {
      key: 1,
      fillCount: 19,
      draftCount: 0,
      padCount: 0,
      isJudged: false,
    });
  });

  it('static: waits for a full batch or the time-out, then pads to the longest draft', () => {
    const limits: BatchBounds = { ...bounds, batching: { kind: 'static', count: 3, waitMs: 50 } };
    const two = [candidate(1, { draftCount: 2 }), candidate(2, { draftCount: 5 })];
    assert.deepEqual(planPass(two, limits, linear, 10), { kind: 'wait', untilMs: 51 });
    const late = sharesOf(planPass(two, limits, linear, 51));
    assert.deepEqual(
      late.map(({ draftCount, padCount }) => [draftCount, padCount]),
      [
        [2, 3],
        [5, 0],
      ],
    );
    const four = [...two, candidate(3), candidate(4)];
    assert.deepEqual(
      sharesOf(planPass(four, limits, linear, 10)).map(({ key }) => key),
      [1, 2, 3],
    );
  });

  it('static: computes prompts while the batch is not complete', () => {
    const limits: BatchBounds = { ...bounds, batching: { kind: 'static', count: 3, waitMs: 50 } };
    const shares = sharesOf(planPass([candidate(1), prompt(2, 30)], limits, linear, 10));
    assert.deepEqual(
      shares.map(({ key }) => key),
      [2],
    );
  });
});
