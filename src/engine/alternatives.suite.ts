// Tests of every engine: the reported runners-up of a draft are the tokens that would have been
// drafted instead.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Scheme, schemes } from '../math/scheme.js';
import type { Alternatives, DraftedToken } from './engine.js';
import { configOf, type EngineFixture, first, refuses } from './engine-fixture.suite.js';

const count = 3;

export function alternativesContract(on: EngineFixture): void {
  async function draftOne(
    scheme: Scheme,
    banned: readonly number[],
    alternativesMax = count,
  ): Promise<DraftedToken> {
    const logitBias = new Map(banned.map((token) => [token, -Infinity]));
    await on.open(first, configOf({ temperature: scheme === 'greedy' ? 0 : 0.8, logitBias }));
    const request = on.draftRequest({ scheme, countMax: 1, alternativesMax });
    return (await on.engine.draft(request, () => undefined).done).drafted[0]!;
  }

  describe('runners-up', () => {
    for (const scheme of ['greedy', 'coupled'] as const) {
      it(`are what ${scheme} drafts where the token, and those before them, are banned`, async () => {
        const { token, alternatives } = await draftOne(scheme, []);
        const { tokens, gaps } = alternatives as Alternatives;
        assert.equal(tokens.length, count);
        assert.equal(gaps.length, count);
        assert.ok(gaps.every((gap, rank) => gap >= 0 && (rank === 0 || gap >= gaps[rank - 1]!)));
        const banned = [token];
        for (const runnerUp of tokens) {
          assert.equal((await draftOne(scheme, banned)).token, runnerUp);
          banned.push(runnerUp);
        }
      });
    }

    it('change nothing about what is drafted, and are told only where asked for and known', async () => {
      for (const scheme of schemes) {
        const bare = await draftOne(scheme, [], 0);
        assert.equal(bare.alternatives, undefined);
        const { alternatives, ...rest } = await draftOne(scheme, []);
        const { alternatives: _, ...bareRest } = bare;
        assert.deepEqual(rest, bareRest);
        assert.equal(alternatives === undefined, scheme !== 'greedy' && scheme !== 'coupled');
      }
    });

    it('are refused where more are asked for than there can be', async () => {
      await on.open();
      const refused = /alternativesMax 9 is not a whole number in \[0, 8\]/;
      const request = on.draftRequest({ alternativesMax: 9 });
      await refuses(
        'segment-invalid',
        refused,
        () => on.engine.draft(request, () => undefined).done,
      );
    });
  });
}
