// Checks that no key makes the passes of others longer than its share allows, that no session
// starves, and that one key alone changes nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { unlimited } from '../../../base/key-grant.js';
import { type PassShape, passMsOf } from '../../../math/pass-time.js';
import { draftOf, Harness, hello, openFrame, tokensOf, verdicts } from '../core-harness.suite.js';
import type { BatchBounds, Candidate } from '../passes/batch.js';
import { planPass } from '../passes/pass-plan.js';
import {
  allowedMs,
  burstMsMax,
  type Fairness,
  FairShare,
  type TenantCredit,
} from './fair-share.js';

const cost = { fixedMs: 30, tokenMs: 0.5, rowMs: 0.2, tokenContextMs: 0 };
const predict = (shape: PassShape): number => passMsOf(cost, shape);
const bounds: BatchBounds = {
  batching: { kind: 'continuous' },
  passTokensMax: 2048,
  passRowsMax: 2048,
  passMsMax: 1e9,
  prefillShare: 0.25,
  prefillMsMax: 100,
  fairness: null,
};
const among = (tenantCount: number, credits: Readonly<Record<number, number>> = {}): Fairness => ({
  tenantCount,
  creditMsOf: (tenant) => credits[tenant] ?? 0,
});

const candidate = (key: number, tenant: number, changes: Partial<Candidate> = {}): Candidate => ({
  ...{ key, tenant },
  cacheLength: 20,
  missingCount: 1,
  draftCount: 4,
  wantsJudging: true,
  waitingSinceMs: 0,
  deadlineMs: 0,
  ...changes,
});

/** Milliseconds of the pass, and of tenant 1 in it. */
function planned(candidates: readonly Candidate[], fairness: Fairness | null) {
  const plan = planPass(candidates, { ...bounds, fairness }, predict, 0);
  assert.ok(plan.kind === 'pass');
  return { ...plan, abuserMs: plan.spentMs.get(1) ?? 0 };
}

const honest = Array.from({ length: 15 }, (_, index) => candidate(index, 2 + index));
/** Many sessions with long drafts, and many with long prompts, all in line before the others. */
const greedy = Array.from({ length: 200 }, (_, index) =>
  candidate(1000 + index, 1, {
    waitingSinceMs: -1,
    deadlineMs: -1,
    ...(index % 2 === 0
      ? { draftCount: 16 }
      : { cacheLength: 0, missingCount: 4000, draftCount: 0 }),
  }),
);

describe('a pass that several keys want', () => {
  it('is at most n/(n-1) as long as it were without any one of them', () => {
    const alone = planned(honest, among(15));
    const together = planned([...greedy, ...honest], among(16));
    assert.ok(together.predictedMs <= alone.predictedMs * (16 / 15) + 0.7);
    assert.ok(together.abuserMs > 1, 'it gets its share');
    for (const share of alone.segments) {
      assert.ok(
        together.segments.some(({ key, draftCount }) => key === share.key && draftCount === 4),
      );
    }
    const unfair = planned([...greedy, ...honest], null);
    assert.ok(unfair.predictedMs > 3 * together.predictedMs, 'without shares it is far longer');
  });

  it('lets a key spend what it has saved, on a prompt for instance', () => {
    const prompt = candidate(99, 1, { cacheLength: 0, missingCount: 400, draftCount: 0 });
    const fillOf = (creditMs: number): number =>
      planned([prompt, ...honest], among(16, { 1: creditMs })).segments.find(
        ({ key }) => key === 99,
      )!.fillCount;
    assert.ok(fillOf(0) < 12, `${fillOf(0)}`);
    assert.equal(fillOf(burstMsMax), 400);
  });

  it('is made without a key that owes, unless all do', () => {
    const keysOf = (credits: Readonly<Record<number, number>>): number[] =>
      planned([candidate(1, 1), candidate(2, 2)], among(2, credits)).segments.map(({ key }) => key);
    assert.deepEqual(keysOf({ 1: 0, 2: 0 }), [1, 2]);
    assert.deepEqual(keysOf({ 1: -5, 2: 0 }), [2]);
    assert.deepEqual(keysOf({ 1: -5, 2: -5 }), [1, 2]);
  });

  it('costs a key what its formats take, and gives another as much', () => {
    const [abuser, other] = [
      { ordinal: 1, creditMs: burstMsMax },
      { ordinal: 2, creditMs: burstMsMax },
    ];
    const share = new FairShare();
    const tookMs = { 1: 0, 2: 0 };
    for (let round = 0; round < 1000; round++) {
      const fairness = share.terms([abuser, other], round)!;
      const { segments, predictedMs, spentMs } = planned(
        [candidate(1, 1), candidate(2, 2)],
        fairness,
      );
      share.settle(fairness, predictedMs, spentMs);
      const tenants = segments.map(({ key }) => (key === 1 ? abuser : other));
      tookMs[1] += share.charge(
        tenants,
        segments.map(({ key }) => ({ formatMs: key === 1 ? 100 : 0 })),
      );
      tookMs[2] += predictedMs;
    }
    assert.ok(tookMs[1] > 0.3 * tookMs[2], `${tookMs[1]} of ${tookMs[2]}: it is served`);
    assert.ok(tookMs[1] < 1.1 * tookMs[2], `${tookMs[1]} of ${tookMs[2]}`);
  });

  it('bounds places too, so that no key hides what a token costs by filling every pass', () => {
    const blind = (): number => 40;
    const prompt = candidate(99, 1, { cacheLength: 0, missingCount: 4000, draftCount: 0 });
    const fillWith = (credits: Readonly<Record<number, number>>): number => {
      const plan = planPass(
        [prompt, ...honest],
        { ...bounds, fairness: among(16, credits) },
        blind,
        0,
      );
      assert.ok(plan.kind === 'pass');
      const { fillCount } = plan.segments.find(({ key }) => key === 99)!;
      const spentMs = plan.spentMs.get(1)!;
      assert.ok(Math.abs(spentMs - (fillCount / bounds.passTokensMax) * 40) < 1e-9, 'it is paid');
      return fillCount;
    };
    assert.ok(fillWith({}) <= bounds.passTokensMax / 15, `${fillWith({})}`);
    assert.ok(fillWith({ 1: 20 }) > bounds.passTokensMax / 2, 'a burst is paid from what is saved');
  });

  it('gives every key a turn, however much the others have in line', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 400 })), {
          minLength: 1,
          maxLength: 60,
        }),
        (list) => {
          const candidates = list.map(([tenant, missingCount], key) =>
            candidate(key, tenant, { missingCount, cacheLength: 0 }),
          );
          const { segments: shares } = planned(candidates, among(6));
          const served = new Set(shares.map(({ key }) => candidates[key]!.tenant));
          assert.deepEqual(served, new Set(candidates.map(({ tenant }) => tenant)));
        },
      ),
    );
  });
});

const tenant = (ordinal: number): TenantCredit => ({
  ordinal,
  creditMs: burstMsMax,
});

describe('fair shares', () => {
  it('allow a key what the others fill, in parts, and what it has saved', () => {
    assert.equal(allowedMs(among(2), 1, 40), 40);
    assert.equal(allowedMs(among(3, { 1: 5 }), 1, 40), 25);
  });

  it('charge the fixed time of a pass to those in it, and nothing where there is none', () => {
    const charged = (predictedMs: number): number[] => {
      const shares = new FairShare();
      const tenants = [tenant(1), tenant(2), tenant(3)];
      const terms = shares.terms(tenants, 0)!;
      const spentMs = new Map([
        [1, 50],
        [2, 40],
      ]);
      shares.settle(terms, predictedMs, spentMs);
      return tenants.map(({ creditMs }) => burstMsMax - creditMs);
    };
    assert.deepEqual(charged(90), [20, 10, 0]);
    // Twelve milliseconds of fixed time are paid by two and earned by three.
    assert.deepEqual(charged(102), [22, 12, 0]);
  });

  it('do not apply while one key writes, which saves nothing for when others come', () => {
    const shares = new FairShare();
    const first = tenant(1);
    assert.equal(shares.terms([first], 0), null);
    shares.alone(100);
    assert.equal(first.creditMs, burstMsMax - 100);
    shares.alone(1000);
    assert.equal(first.creditMs, 0);
    assert.ok(shares.terms([tenant(2)], 1000), 'the first may be between rounds');
    assert.equal(shares.terms([tenant(3)], 2001), null, 'for a second');
  });

  it('are earned in equal parts and paid for what was filled; who fills more has nothing to burst with', () => {
    const shares = new FairShare();
    const [first, second] = [tenant(1), tenant(2)];
    for (let pass = 0; pass < 20; pass++) {
      const terms = shares.terms([first, second], pass * 50)!;
      shares.settle(
        terms,
        90,
        new Map([
          [1, 55],
          [2, 5],
        ]),
      );
    }
    assert.equal(first.creditMs, 0);
    assert.equal(second.creditMs, burstMsMax);
  });
});

describe('slots that several keys want', () => {
  it('go first to the key that holds fewer, though a session of the other has waited longer', () => {
    const harness = new Harness({ model: { slotCount: 2 }, settings: { slotQuantumTokens: 1e6 } });
    for (const [connection, id] of [
      [1, 'a'],
      [2, 'b'],
    ] as const) {
      harness.connect(connection, hello, { id, limits: unlimited });
    }
    harness.send(1, openFrame({ mode: 'stream' }));
    // Both come while a pass is in flight.
    harness.send(1, openFrame({ session: 1, mode: 'stream' }));
    harness.nowMs += 1;
    harness.send(2, openFrame({ mode: 'stream' }));
    harness.settle(3);
    assert.equal(tokensOf(harness.take(2)).length, 2);
    assert.ok(verdicts(harness.take(1)).every(({ session }) => session === 0));
  });

  it('go round, so that a key with many sessions cannot keep them from others', () => {
    const harness = new Harness({ model: { slotCount: 4 }, settings: { slotQuantumTokens: 1e6 } });
    const grant = (id: string) => ({ id, limits: unlimited });
    harness.connect(1, hello, grant('abuser'));
    for (let session = 0; session < 8; session++) {
      harness.send(1, openFrame({ session, mode: 'stream', tokensMax: 4000 }));
    }
    harness.settle(20);
    harness.connect(2, hello, grant('honest'));
    harness.send(2, openFrame({ mode: 'stream', tokensMax: 12, seed: 5n }));
    harness.settle(40);
    assert.equal(verdicts(harness.take(2)).at(-1)?.end, 'length');
  });

  it('are given up by a key with many, not by those with one each between their rounds', () => {
    const harness = new Harness({ model: { slotCount: 4 }, settings: { slotQuantumTokens: 1e6 } });
    const grant = (id: string) => ({ id, limits: unlimited });
    harness.connect(1, hello, grant('abuser'));
    for (let session = 0; session < 6; session++) {
      harness.send(1, openFrame({ session, mode: 'stream', tokensMax: 4000 }));
    }
    harness.settle(5);
    for (const connection of [2, 3, 4]) {
      harness.connect(connection, hello, grant(`honest ${connection}`));
      harness.send(connection, openFrame({ mode: 'pipeline', tokensMax: 100 }));
      harness.settle(2);
    }
    for (let round = 0; round < 8; round++) {
      for (const connection of [2, 3, 4]) {
        harness.send(connection, draftOf({ from: 3 + round }));
        harness.settle(2);
      }
    }
    for (const connection of [2, 3, 4]) assert.equal(tokensOf(harness.take(connection)).length, 8);
    assert.equal(harness.core.stats().evictionCount, 3, 'one for each that came');
  });
});
