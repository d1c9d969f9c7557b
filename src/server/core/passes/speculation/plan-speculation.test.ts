// Promises of the planner: it takes what pays, in the order in which it pays, and nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PassShape } from '../../../../math/pass-time.js';
import { planSpeculation } from './plan-speculation.js';
import type { SpeculationCosts, SpeculationPlan, SpeculationSession } from './speculation.js';

const session = (fields: Partial<SpeculationSession>): SpeculationSession => ({
  key: 0,
  cacheLength: 100,
  missingCount: 1,
  chances: [],
  modelCount: 0,
  arrival: null,
  suffixChances: [],
  modelChance: 0,
  modelMax: 0,
  tokensPerMs: 0,
  budgetMs: 1000,
  ...fields,
});

const costs = (fixedMs: number, rowMs: number, stepMs = Infinity): SpeculationCosts => ({
  predict: ({ rowCount }: PassShape) => fixedMs + rowMs * rowCount,
  draftStepMs: () => stepMs,
});

const passOf = (plan: SpeculationPlan): Extract<SpeculationPlan, { kind: 'pass' }> => {
  assert.equal(plan.kind, 'pass');
  return plan as Extract<SpeculationPlan, { kind: 'pass' }>;
};

const arrival = (firstMs: number, chance = 0.8) => ({
  firstMs,
  tokenMs: 4,
  followChance: 1,
  chance,
});

test('without drafts it steps', () => {
  const { shares } = passOf(planSpeculation([session({})], costs(30, 0), 0));
  assert.deepEqual(shares, [{ key: 0, count: 0, suffixCount: 0, chargeMs: 0 }]);
});

test('where rows cost nothing it tests all that is in line, and the look-up behind it', () => {
  const chances = [0.9, 0.5, 0.3, 0.3];
  const sessions = [session({ chances, suffixChances: [0.3, 0.3] })];
  const { shares } = passOf(planSpeculation(sessions, costs(30, 0), 0));
  assert.equal(shares[0]!.count, 4);
  assert.equal(shares[0]!.suffixCount, 2);
});

test('where rows are expensive the drafts that are likeliest to stand get them, over all sessions', () => {
  const sessions = [
    session({ key: 1, chances: [0.95, 0.95, 0.95] }),
    session({ key: 2, chances: [0.3, 0.9] }),
    session({ key: 3, chances: [0.9, 0.2] }),
  ];
  const { shares } = passOf(planSpeculation(sessions, costs(20, 10), 0));
  // Three tokens in 50 ms: a row of 10 ms is worth 0.6 tokens.
  assert.deepEqual(
    shares.map(({ count }) => count),
    [3, 0, 1],
  );
  assert.equal(shares[0]!.chargeMs, 3 * 10 * sessions.length, 'all three sessions wait for a row');
});

test('beside a single token rows are tested that are worth the first one together, or none', () => {
  // Of a CPU: 14 ms for a token, 32 for two, 4 for each further one.
  const jump: SpeculationCosts = {
    predict: ({ tokenCount }) => (tokenCount === 1 ? 14 : 24 + 4 * tokenCount),
    draftStepMs: () => 1.4,
  };
  const countOf = (chances: number[]): number =>
    passOf(planSpeculation([session({ chances })], jump, 0)).shares[0]!.count;
  assert.equal(countOf([0.7, 0.7, 0.7, 0.7]), 0, '2.8 tokens in 44 ms, where steps make 3.1');
  assert.equal(countOf([0.95]), 0, '1.95 tokens in 32 ms, where steps make 2.3');
  assert.equal(countOf(new Array(8).fill(0.95)), 8, '7.4 tokens in 60 ms, where steps make 4.3');
  const drafts = (modelChance: number): string =>
    planSpeculation([session({ modelChance, modelMax: 8 })], jump, 0).kind;
  assert.equal(drafts(0.7), 'pass');
  assert.equal(drafts(0.95), 'draft');
  const two = [session({ key: 1, chances: [0.7] }), session({ key: 2, chances: [0.7] })];
  const { shares } = passOf(planSpeculation(two, jump, 0));
  assert.deepEqual(
    shares.map(({ count }) => count),
    [1, 1],
    'two sessions have paid for the first row already',
  );
});

test('drafts are refused once a pass is bound by its rows', () => {
  const sessions = [session({ chances: [0.9, 0.9], modelChance: 0.9, modelMax: 8 })];
  const { shares } = passOf(planSpeculation(sessions, costs(0, 30, 1), 0));
  assert.equal(shares[0]!.count, 0);
});

test('it holds for drafts that come soon beside the pass, and not for those that come late', () => {
  const soon = planSpeculation([session({ arrival: arrival(5) })], costs(120, 0), 0);
  assert.equal(soon.kind, 'hold');
  const late = planSpeculation([session({ arrival: arrival(60) })], costs(60, 0), 0);
  assert.equal(late.kind, 'pass');
  const unlikely = planSpeculation([session({ arrival: arrival(5, 0.02) })], costs(120, 0), 0);
  assert.equal(unlikely.kind, 'pass');
});

test('a hold for a long chain pays while it is shorter than chance x pass', () => {
  // A fast device: what it sends is there at once, so the hold lasts until the first draft.
  for (const chance of [0.5, 0.7, 0.85]) {
    for (let firstMs = 2; firstMs < 100; firstMs += 3) {
      const coming = { firstMs, tokenMs: 0.01, followChance: 1, chance };
      // A race that never waits makes 1 / (1 - a^2) tokens a pass of 100 ms.
      const tokensPerMs = 1 / (1 - chance ** 2) / 100;
      const plan = planSpeculation([session({ arrival: coming, tokensPerMs })], costs(100, 0), 0);
      // Full passes make 1 / (1 - a) each: 1 / (1 - a) / (100 + hold) > tokensPerMs.
      const gain = 100 * chance - firstMs;
      if (Math.abs(gain) < 5) continue;
      assert.equal(plan.kind, gain > 0 ? 'hold' : 'pass', `chance ${chance}, due in ${firstMs} ms`);
    }
  }
});

test('a hold ends within a pass, and within the budget of the session it is for', () => {
  const soon = session({ arrival: arrival(5) });
  assert.equal(planSpeculation([soon], costs(120, 0), 119).kind, 'pass');
  assert.equal(planSpeculation([{ ...soon, budgetMs: 3 }], costs(120, 0), 0).kind, 'pass');
});

test('a hold that helps one session is weighed against the time of all', () => {
  const others = Array.from({ length: 15 }, (_, index) => session({ key: index + 1 }));
  const alone = [session({ arrival: arrival(20) })];
  assert.equal(planSpeculation(alone, costs(120, 0), 0).kind, 'hold');
  assert.equal(planSpeculation([...alone, ...others], costs(120, 0), 0).kind, 'pass');
});

test('the draft model drafts while a step is worth its time, then the target runs', () => {
  const drafting = session({ modelChance: 0.7, modelMax: 8 });
  const plan = planSpeculation([drafting], costs(30, 0, 3), 0);
  assert.equal(plan.kind, 'draft');
  if (plan.kind !== 'draft') return;
  const { countMax, chargeMs } = plan.shares[0]!;
  assert.ok(countMax >= 3 && countMax <= 5, `best draft length is 4, not ${countMax}`);
  assert.equal(chargeMs, 3 * countMax);
  const chances = Array.from({ length: countMax }, () => 0.7);
  const then = { ...drafting, chances, modelCount: countMax };
  assert.equal(passOf(planSpeculation([then], costs(30, 0, 3), 0)).shares[0]!.count, countMax);
  assert.equal(planSpeculation([drafting], costs(30, 0, 25), 0).kind, 'pass');
});

test('a stage is shared: the more sessions join, the more a step may cost', () => {
  const few = [session({ modelChance: 0.7, modelMax: 8 }), session({ key: 1 })];
  const many = few.map((one) => ({ ...one, modelChance: 0.7, modelMax: 8 }));
  assert.equal(planSpeculation(few, costs(30, 0, 12), 0).kind, 'pass');
  assert.equal(planSpeculation(many, costs(30, 0, 12), 0).kind, 'draft');
});

test('a session without budget only steps, and does not keep others from drafting', () => {
  const spent = { modelChance: 0.8, modelMax: 8, budgetMs: 0, arrival: arrival(1) };
  const alone = planSpeculation([session({ ...spent, chances: [0.9] })], costs(30, 5, 3), 0);
  assert.equal(passOf(alone).shares[0]!.count, 0);
  const other = session({ key: 7, modelChance: 0.8, modelMax: 8 });
  const plan = planSpeculation([session(spent), other], costs(60, 1, 3), 0);
  assert.equal(plan.kind, 'draft');
  assert.deepEqual(plan.kind === 'draft' && plan.shares.map(({ key }) => key), [7]);
});

test('a plan for 64 sessions asks the model of pass times a bounded number of times', () => {
  let askedCount = 0;
  const sessions = Array.from({ length: 64 }, (_, key) =>
    session({ key, chances: [0.8, 0.8], arrival: arrival(3 + key), modelChance: 0.8, modelMax: 8 }),
  );
  const predict = ({ rowCount }: PassShape): number => {
    askedCount++;
    return 30 + rowCount * 0.01;
  };
  planSpeculation(sessions, { predict, draftStepMs: () => 3 }, 0);
  assert.ok(askedCount <= 64 * 2 + 20, `${askedCount} times`);
});
