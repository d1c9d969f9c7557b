// No device makes its session slower than streaming by more than the budget, whatever it sends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PassShape } from '../../../../math/pass-time.js';
import { LossBudget } from './loss-budget.js';
import { planSpeculation } from './plan-speculation.js';
import { SourceAcceptance } from './source-acceptance.js';
import type { DraftArrival } from './speculation.js';
import { TokenRate } from './token-rate.js';

const stepMs = 3;
const tokenCount = 3000;

/** Behaviour of a device and of the server's model towards one session. */
interface Adversary {
  /** Drafts in line when a pass may begin, and whether one at a position stands. */
  readonly lineCount: number;
  readonly stands: (position: number) => boolean;
  readonly arrival: DraftArrival | null;
  /** Whether drafts that were held for come. */
  readonly comes: (position: number) => boolean;
  readonly modelStands: (position: number) => boolean;
}

/** Milliseconds of an answer, as the planner plans it with its own estimates. */
function answerMs(adversary: Adversary, predict: (shape: PassShape) => number): number {
  const device = new SourceAcceptance(0.9);
  const model = new SourceAcceptance(0.9);
  const budget = new LossBudget();
  const rate = new TokenRate();
  const steppedMs = predict({ tokenCount: 1, rowCount: 1, tokenContext: 100 });
  budget.open(steppedMs);
  let nowMs = 0;
  let passEndMs = 0;
  let position = 0;
  while (position < tokenCount) {
    let lineCount = adversary.lineCount;
    let modelCount = 0;
    const readyMs = nowMs;
    for (;;) {
      const line = Array.from({ length: lineCount }, (_, depth) => device.rateAt(depth));
      const drafted = Array.from({ length: modelCount }, (_, depth) => model.rateAt(depth));
      const plan = planSpeculation(
        [
          {
            key: 0,
            cacheLength: 100,
            missingCount: 1,
            chances: [...line, ...drafted],
            modelCount,
            arrival: adversary.arrival && { ...adversary.arrival, chance: device.rate },
            suffixChances: [],
            modelChance: model.rate,
            modelMax: 8,
            tokensPerMs: rate.perMs,
            budgetMs: budget.leftMs,
          },
        ],
        { predict, draftStepMs: () => stepMs },
        nowMs - readyMs,
      );
      if (plan.kind === 'hold') {
        nowMs += plan.forMs;
        budget.charge(plan.forMs * plan.shares[0]!.chargeShare);
        if (adversary.comes(position)) lineCount++;
        continue;
      }
      const share = plan.shares[0]!;
      budget.charge(share.chargeMs);
      if (plan.kind === 'draft') {
        modelCount = plan.shares[0]!.countMax;
        nowMs += modelCount * stepMs;
        continue;
      }
      const { count } = plan.shares[0]!;
      nowMs += predict({ tokenCount: 1 + count, rowCount: 1 + count, tokenContext: 100 });
      let accepted = 0;
      while (accepted < count) {
        const isDevice = accepted < lineCount;
        const stands = (isDevice ? adversary.stands : adversary.modelStands)(position + accepted);
        if (isDevice) device.add(accepted, stands);
        else model.add(accepted - lineCount, stands);
        if (!stands) break;
        accepted++;
      }
      position += accepted + 1;
      budget.committed(accepted + 1, steppedMs);
      rate.add(accepted + 1, nowMs - passEndMs);
      passEndMs = nowMs;
      break;
    }
  }
  return nowMs;
}

const never = (): boolean => false;
const soon: DraftArrival = { firstMs: 4, tokenMs: 4, followChance: 1, chance: 0.9 };
const falling: Adversary = {
  lineCount: 8,
  stands: never,
  arrival: null,
  comes: never,
  modelStands: never,
};
const adversaries: Record<string, Adversary> = {
  'drafts that always fall': falling,
  'drafts that stand until they are trusted, once': { ...falling, stands: (at) => at < 1500 },
  'drafts that stand until they are trusted, again and again': {
    ...falling,
    stands: (at) => at % 90 < 45,
  },
  'drafts of which only the first stands until it is trusted': {
    ...falling,
    lineCount: 2,
    stands: (at) => at % 30 < 12,
    modelStands: (at) => at % 40 < 15,
  },
  'arrivals that never come': { ...falling, lineCount: 0, arrival: soon },
  'arrivals that come and fall': { ...falling, lineCount: 0, arrival: soon, comes: () => true },
  'arrivals that come until they are trusted': {
    ...falling,
    lineCount: 0,
    arrival: soon,
    comes: (at) => at % 200 < 100,
    stands: () => true,
  },
};

for (const [name, adversary] of Object.entries(adversaries)) {
  for (const rowMs of [0, 5, 12]) {
    test(`never below 0.98 of streaming: ${name}, rows of ${rowMs} ms`, () => {
      const predict = ({ rowCount }: PassShape): number => 40 - rowMs + rowMs * rowCount;
      const share = (tokenCount * 40) / answerMs(adversary, predict);
      assert.ok(share >= 0.98, `${share.toFixed(4)} of streaming`);
    });
  }
}

test('what a session may lose stays bounded, however much its drafts have saved', () => {
  const budget = new LossBudget();
  for (let pass = 0; pass < 10_000; pass++) budget.committed(5, 30);
  assert.equal(budget.leftMs, (64 + 3) * 30);
});
