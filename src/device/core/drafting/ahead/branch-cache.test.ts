// Checks that guesses about verdicts stay within their bounds: probabilities are valid, branches
// keep to their budget, and a branch counts as a hit only if it repeats what is committed and was
// drafted after committed tokens.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DraftedToken } from '../../../../engine/engine.js';
import { mean } from '../../../../math/statistics.js';
import { Random } from '../../../../sim/random.js';
import { drafted as alone } from '../../session-view.suite.js';
import { AcceptanceModel } from './acceptance-model.js';
import { type AheadBudget, aheadDefaults } from './ahead-budget.js';
import { type AheadInputs, BranchCache } from './branch-cache.js';
import { type ChainTokens, forecastOutcomes, type LiveHint } from './outcome-forecast.js';

const noEnd: ReadonlySet<number> = new Set();

function drafted(position: number, token: number, runnersUp: readonly number[] = []): DraftedToken {
  const gaps = Float64Array.from(runnersUp, (_, rank) => 0.5 + rank);
  const alternatives = { tokens: Int32Array.from(runnersUp), gaps };
  return { position, token, confidence: null, law: null, prob: null, alternatives };
}

function chainOf(base: number, tokens: readonly DraftedToken[]): ChainTokens {
  return { base, end: base + tokens.length, at: (position) => tokens[position - base] ?? null };
}

const inputs = (changes: Partial<AheadInputs> = {}): AheadInputs => ({
  budget: { ...aheadDefaults, tokensMax: 48, chanceMin: 0.01 },
  acceptanceModel: new AcceptanceModel(),
  acceptanceRate: 0.7,
  chainRoom: 0,
  branchTokensMax: 8,
  lostCount: 0,
  lengthMax: 100,
  endOfText: noEnd,
  sequencesMax: 1,
  passCost: (rowCount) => rowCount,
  ...changes,
});

const hintOf = (position: number, candidates: number[], confidences: number[]): LiveHint => ({
  position,
  candidates: Int32Array.from(candidates),
  confidences: Float32Array.from(confidences),
});

/** Committed tokens. */
const logOf = (...tokens: number[]) => ({
  length: tokens.length,
  at: (position: number): number => tokens[position]!,
});

const anyToken = fc.nat(9);
const anyChain = fc
  .array(fc.tuple(anyToken, fc.uniqueArray(anyToken, { maxLength: 4 })), { maxLength: 8 })
  .map((entries) =>
    entries.map(([token, others], index) =>
      drafted(
        5 + index,
        token,
        others.filter((other) => other !== token),
      ),
    ),
  );
const anyHint = fc.option(
  fc
    .tuple(
      fc.nat(12),
      fc.array(anyToken, { minLength: 1, maxLength: 8 }),
      fc.infiniteStream(fc.float({ min: 0, max: 1, noNaN: true })),
    )
    .map(([offset, candidates, chances]) =>
      hintOf(5 + offset, candidates, [...chances.take(candidates.length)]),
    ),
  { nil: null },
);

describe('forecasts', () => {
  it('are chances of tokens that the chain does not hold, whatever a hint claims', () => {
    fc.assert(
      fc.property(anyChain, anyHint, (tokens, hint) => {
        const chain = chainOf(5, tokens);
        const acceptanceModel = new AcceptanceModel();
        const guess = {
          acceptanceModel,
          acceptanceRate: 0.6,
          usesRunnersUp: true,
          hint,
          chanceMin: 0.02,
        };
        const { outcomes, chainChance } = forecastOutcomes(chain, guess);
        assert.ok(chainChance >= 0 && chainChance <= 1, `${chainChance}`);
        const places = outcomes.map(({ position, token }) => `${position} ${token}`);
        assert.equal(new Set(places).size, places.length, 'an outcome twice');
        for (const { position, token, chance } of outcomes) {
          assert.ok(chance >= 0.02 && chance <= 1, `${chance}`);
          assert.notEqual(chain.at(position)?.token, token);
        }
      }),
    );
  });

  it('put what a hint names, at its place, before the draft of that place', () => {
    const chain = chainOf(5, [drafted(5, 1, [2]), drafted(6, 3, [4])]);
    const hint = hintOf(6, [7], [0.8]);
    const guess = {
      acceptanceModel: new AcceptanceModel(),
      acceptanceRate: 0.6,
      usesRunnersUp: true,
      hint,
      chanceMin: 0.02,
    };
    const { outcomes, chainChance } = forecastOutcomes(chain, guess);
    const best = outcomes.reduce((a, b) => (a.chance >= b.chance ? a : b));
    assert.deepEqual(
      { ...best, chance: Math.round(best.chance * 100) / 100 },
      {
        position: 6,
        token: 7,
        source: 'hint',
        chance: 0.8,
      },
    );
    assert.ok(chainChance <= 0.2 + 1e-6);
  });

  it('go as far as chanceMin, and no further', () => {
    const acceptanceModel = new AcceptanceModel();
    const parts = { acceptanceModel, acceptanceRate: 0.5, usesRunnersUp: true, hint: null };
    const [, chanceMin] = acceptanceModel.chances(Float64Array.of(0.5));
    const likely = chainOf(5, [drafted(5, 1, [2])]);
    assert.equal(forecastOutcomes(likely, { ...parts, chanceMin: chanceMin! }).outcomes.length, 1);
    const tokens = [alone(5, 1), alone(6, 1), alone(7, 1), alone(8, 1)];
    const { chainChance } = forecastOutcomes(chainOf(5, tokens), { ...parts, chanceMin: 0.5 });
    assert.equal(chainChance, 0.25);
  });

  it('take a hint about a later place as a sign that the chain gets there', () => {
    const parts = { acceptanceModel: new AcceptanceModel(), acceptanceRate: 0.5, chanceMin: 0.02 };
    const guess = { ...parts, usesRunnersUp: false, hint: hintOf(6, [7], [0.625]) };
    const { chainChance } = forecastOutcomes(chainOf(5, [alone(5, 1), alone(6, 1)]), guess);
    assert.equal(chainChance, 0.625 * 0.5);
  });

  it('take the word of a hint that names the drafted token', () => {
    const parts = { acceptanceModel: new AcceptanceModel(), acceptanceRate: 0.5, chanceMin: 0.02 };
    const guess = { ...parts, usesRunnersUp: false, hint: hintOf(5, [1], [0.75]) };
    assert.equal(forecastOutcomes(chainOf(5, [alone(5, 1)]), guess).chainChance, 0.75);
  });

  it('leave the chain what a hint about its end does not claim', () => {
    const hint = hintOf(6, [7, 8], [0.5, 0.25]);
    const sure = { acceptanceModel: new AcceptanceModel(), acceptanceRate: 0.9 };
    const guess = { ...sure, usesRunnersUp: false, hint, chanceMin: 0.02 };
    const { chainChance } = forecastOutcomes(chainOf(5, [alone(5, 1)]), guess);
    assert.equal(chainChance, 0.25);
  });
});

describe('the acceptance model', () => {
  it('finds how sharply gaps decide, from what the target picked', () => {
    const chance = new Random(5, 'foresight');
    const random = (): number => chance.next();
    const acceptanceModel = new AcceptanceModel();
    const truth = 2.5;
    const found: number[] = [];
    for (let count = 0; count < 4000; count++) {
      const gaps = Float64Array.of(random(), 1 + random(), 2 + random());
      const weights = [1, ...gaps.map((gap) => Math.exp(-truth * gap))];
      let left = random() * weights.reduce((a, b) => a + b);
      acceptanceModel.learn(
        gaps,
        weights.findIndex((weight) => {
          left -= weight;
          return left < 0;
        }),
      );
      if (count >= 2000) found.push(acceptanceModel.sharpness);
    }
    assert.ok(Math.abs(mean(found) / truth - 1) < 0.15, `${mean(found)}`);
    const chances = acceptanceModel.chances(Float64Array.of(0, 1, 2));
    assert.ok(chances.every((chance, rank) => rank === 0 || chance <= chances[rank - 1]!));
  });

  it('leaves a chance to what no list holds, as often as it happens', () => {
    const acceptanceModel = new AcceptanceModel();
    const gaps = Float64Array.of(1);
    for (let count = 0; count < 1000; count++)
      acceptanceModel.learn(gaps, count % 2 === 0 ? 0 : null);
    const held = acceptanceModel.chances(gaps).reduce((a, b) => a + b);
    assert.ok(Math.abs(held - 0.5) < 0.05, `${held}`);
  });
});

describe('a hint', () => {
  it('is held until the committed text has passed its place', () => {
    const cache = new BranchCache();
    cache.hear(hintOf(7, [3], [0.5]));
    cache.advance(7);
    assert.deepEqual([...cache.hint!.candidates], [3]);
    cache.advance(8);
    assert.equal(cache.hint, null);
  });
});

describe('branches', () => {
  const near = { tokens: Int32Array.of(2), gaps: Float64Array.of(0) };
  const far = { tokens: Int32Array.of(2), gaps: Float64Array.of(9) };
  const chainWith = (alternatives: typeof near) => chainOf(5, [{ ...drafted(5, 1), alternatives }]);

  it('that have become unlikely are kept while there is room, and dropped where there is none', () => {
    const cache = new BranchCache();
    grow(cache, chainWith(near), 3);
    assert.equal(cache.tokenCount, 3);
    cache.choose(chainWith(far), inputs());
    assert.deepEqual([cache.tokenCount, cache.takeDropped()], [3, 0]);
    const budget = { ...aheadDefaults, chanceMin: 0.01, tokensMax: 3 };
    cache.choose(chainWith(far), inputs({ budget }));
    assert.deepEqual([cache.tokenCount, cache.takeDropped()], [0, 3]);
  });

  it('join a pass late, so that the first leaves room for them, and not where they tie', () => {
    const chain = chainOf(5, [drafted(5, 1, [2])]);
    const countAt = (cost: number): number => {
      const passCost = (rowCount: number) => 1 + (cost - 1) * (rowCount - 1);
      return new BranchCache().choose(chain, inputs({ chainRoom: 4, sequencesMax: 2, passCost }))!
        .countMax;
    };
    assert.deepEqual([countAt(2), countAt(1.8)], [2, 1]);
    const gaps = Float64Array.of(0, 0);
    const tied = { ...alone(5, 1), alternatives: { tokens: Int32Array.of(2, 3), gaps } };
    const choice = new BranchCache().choose(chainOf(5, [tied]), inputs({ sequencesMax: 2 }));
    assert.equal(choice?.grows.length, 1);
  });

  it('grow as long as a token is worth chanceMin', () => {
    const [, chance] = new AcceptanceModel().chances(near.gaps);
    const budget = { ...aheadDefaults, chanceMin: chance! * 0.5 ** 3 };
    const choice = new BranchCache().choose(
      chainWith(near),
      inputs({ budget, acceptanceRate: 0.5 }),
    );
    assert.equal(choice?.countMax, 3);
  });

  it('are worth less with each token: another comes next', () => {
    const cache = new BranchCache();
    const chain = chainOf(5, [
      {
        ...alone(5, 1),
        alternatives: { tokens: Int32Array.of(2, 3), gaps: Float64Array.of(0, 0.2) },
      },
    ]);
    const tokens = [0, 1].map(() => {
      const [branch] = cache.choose(chain, inputs())!.grows;
      assert.ok(branch !== undefined && branch !== 'chain');
      branch.drafted.push(alone(6, 8));
      return branch.token;
    });
    assert.deepEqual(tokens, [2, 3]);
  });

  it('grow to branchTokensMax, and no further', () => {
    const cache = new BranchCache();
    const choose = () => cache.choose(chainWith(near), inputs({ branchTokensMax: 2 }));
    for (const countMax of [2, 1]) {
      const choice = choose();
      const [branch] = choice!.grows;
      assert.ok(branch !== undefined && branch !== 'chain');
      assert.equal(choice!.countMax, countMax);
      branch.drafted.push(drafted(6 + branch.drafted.length, 8));
    }
    assert.equal(choose(), null);
  });

  it('and chain are drafted until the other is worth more', () => {
    // The chain is worth 0.52 * 0.7 and falls by 0.7 with each token, the branch 0.33 * 0.7.
    const chain = chainOf(5, [drafted(5, 1, [2])]);
    const choice = new BranchCache().choose(chain, inputs({ chainRoom: 4 }));
    assert.deepEqual(choice, { grows: ['chain'], countMax: 2 });
  });

  it('never hold more tokens than the budget, nor go beyond an end of text or of the context', () => {
    fc.assert(
      fc.property(
        anyChain,
        anyHint,
        fc.nat(12),
        fc.integer({ min: 1, max: 4 }),
        fc.array(anyToken),
        (tokens, hint, tokensMax, sequencesMax, drafts) => {
          const cache = new BranchCache();
          const chain = chainOf(5, tokens);
          if (hint !== null) cache.hear(hint);
          const budget: AheadBudget = { ...aheadDefaults, chanceMin: 0.01, tokensMax };
          const endOfText = new Set([1]);
          const lengthMax = 10;
          for (const token of drafts) {
            const choice = cache.choose(
              chain,
              inputs({ budget, endOfText, lengthMax, sequencesMax, passCost: () => 1 }),
            );
            if (choice === null) break;
            assert.ok(choice.countMax >= 1 && choice.grows.length <= sequencesMax);
            for (const branch of choice.grows) {
              assert.ok(branch !== 'chain' && cache.holds(branch));
              assert.notEqual(branch.token, 1);
              const { position } = branch;
              branch.drafted.push(drafted(position + 1 + branch.drafted.length, token));
              assert.ok(position + 1 + branch.drafted.length <= lengthMax);
            }
            assert.ok(cache.tokenCount <= tokensMax, `${cache.tokenCount} of ${tokensMax}`);
          }
        },
      ),
    );
  });

  it('are not drafted where the chain is likelier to become text', () => {
    const cache = new BranchCache();
    const sure = { tokens: Int32Array.of(2), gaps: Float64Array.of(9) };
    const chain = chainOf(5, [{ ...drafted(5, 1), alternatives: sure }]);
    assert.deepEqual(cache.choose(chain, inputs({ chainRoom: 4 }))?.grows, ['chain']);
    assert.equal(cache.tokenCount, 0);
  });

  it('are not drafted where all that could be in time comes too late', () => {
    const cache = new BranchCache();
    const chain = chainOf(5, [drafted(5, 1, [2])]);
    assert.equal(cache.choose(chain, inputs())?.grows.length, 1);
    assert.equal(cache.choose(chain, inputs({ lostCount: 12 })), null);
  });

  it('share a pass as far as that brings more text for its time, and none where a row costs a pass', () => {
    const chain = chainOf(5, [drafted(5, 1, [2, 3, 4])]);
    const chosen = (passCost: (rowCount: number) => number, changes: Partial<AheadInputs> = {}) =>
      new BranchCache().choose(chain, inputs({ sequencesMax: 4, passCost, ...changes }))!;
    assert.equal(chosen((rowCount) => rowCount).grows.length, 1);
    const all = chosen(() => 1, { chainRoom: 3 });
    // The chain first, then its runners-up, a token each.
    assert.equal(all.grows[0], 'chain');
    assert.deepEqual([all.grows.length, all.countMax], [4, 1]);
    assert.equal(new Set(all.grows).size, 4);
    const some = chosen((rowCount) => 1 + 0.7 * (rowCount - 1));
    assert.ok(some.grows.length < 3, `${some.grows.length} share a pass`);
    const budget = { ...aheadDefaults, chanceMin: 0.01, tokensMax: 2 };
    assert.equal(chosen(() => 1, { budget }).grows.length, 2);
    assert.equal(chosen(() => 1, { sequencesMax: 1 }).grows.length, 1);
  });

  it('leave the chain to be drafted where their budget is full', () => {
    const cache = new BranchCache();
    const budget = { ...aheadDefaults, chanceMin: 0.01, tokensMax: 1 };
    const chain = chainOf(5, [drafted(5, 1, [2])]);
    const near = { tokens: Int32Array.of(2), gaps: Float64Array.of(0) };
    const unsure = chainOf(5, [{ ...drafted(5, 1), alternatives: near }]);
    const [branch] = cache.choose(chain, inputs({ budget }))!.grows;
    assert.ok(branch !== undefined && branch !== 'chain');
    branch.drafted.push(drafted(6, 8));
    assert.deepEqual(cache.choose(unsure, inputs({ budget, chainRoom: 1 }))?.grows, ['chain']);
  });

  it('come true where they say what is committed', () => {
    const cache = new BranchCache();
    const chain = chainOf(5, [drafted(5, 1, [2]), drafted(6, 3, [4])]);
    grow(cache, chain, 12);
    const hit = cache.settle(logOf(0, 0, 0, 0, 0, 1, 4), 6);
    assert.deepEqual([hit?.branch.position, hit?.branch.token, hit?.committedCount], [6, 4, 0]);
    assert.equal(cache.tokenCount, 0);
  });

  it('come true with the tokens that are committed after their first', () => {
    const cache = new BranchCache();
    grow(cache, chainOf(5, [drafted(5, 1, [2])]), 3);
    const hit = cache.settle(logOf(0, 0, 0, 0, 0, 2, 8), 5);
    assert.equal(hit?.committedCount, 1);
  });

  it('are void after a token that is not committed, though they repeat what comes next', () => {
    const cache = new BranchCache();
    grow(cache, chainOf(5, [drafted(5, 1, [2]), drafted(6, 3, [4])]), 12);
    // The chain fell at 5, to a token that was not predicted; 4 at 6 follows it by chance.
    assert.equal(cache.settle(logOf(0, 0, 0, 0, 0, 9, 4), 5), null);
    assert.ok(cache.takeDropped() > 0);
  });
});

/** Drafts the token 8 wherever the cache wants one. */
function grow(cache: BranchCache, chain: ChainTokens, count: number): void {
  for (let left = count; left > 0; left--) {
    const [branch] = cache.choose(chain, inputs())?.grows ?? [];
    if (!branch || branch === 'chain') return;
    branch.drafted.push(drafted(branch.position + 1 + branch.drafted.length, 8));
  }
}
