// Tests of every engine: drafts in shared passes are those of each slot alone, from any length and
// with any stop.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import type { DraftEachResult, DraftEnd, DraftRequest, Engine, SlotConfig } from './engine.js';
import { configOf, type EngineFixture, first, refuses } from './engine-fixture.suite.js';

/** Drafting on several slots. */
export function draftContract(on: EngineFixture): void {
  const { open, draftRequest } = on;
  let engine: Engine;
  let prompt: Int32Array;
  before(() => {
    ({ engine, prompt } = on);
  });

  /** No text ends by itself. */
  const endless = (seed: bigint): SlotConfig => {
    const ends = [...engine.info.vocabulary.endOfText];
    return configOf({ logitBias: new Map(ends.map((id) => [id, -Infinity])) }, seed);
  };

  /** Each drafted by itself, one after another. */
  const draftAlone = async (requests: readonly DraftRequest[]): Promise<DraftEnd[]> => {
    const ends: DraftEnd[] = [];
    for (const request of requests) ends.push(await engine.draft(request).done);
    return ends;
  };

  /** No pass is larger than allowed, and all rows and tokens are accounted for. */
  const checkPasses = ({ ends, passes }: DraftEachResult, requests: readonly DraftRequest[]) => {
    const { passTokensMax, passRowsMax } = engine.info;
    for (const { tokenCount, rowCount, tokenContext, ms } of passes) {
      assert.ok(tokenCount >= 1 && tokenCount <= passTokensMax, `${tokenCount} tokens`);
      assert.ok(rowCount <= Math.min(passRowsMax, tokenCount), `${rowCount} rows`);
      assert.ok(tokenContext >= tokenCount && ms >= 0);
    }
    const sum = (numbers: readonly number[]): number => numbers.reduce((one, two) => one + two, 0);
    assert.equal(
      sum(passes.map(({ rowCount }) => rowCount)),
      sum(ends.map(({ drafted }) => drafted.length)),
    );
    assert.equal(
      sum(passes.map(({ tokenCount }) => tokenCount)),
      sum(ends.map(({ length }, index) => length - requests[index]!.from)),
    );
  };

  describe('drafting in shared passes', () => {
    it('drafts on several slots what each would draft alone, and again after rollbacks', async () => {
      const size = engine.info.vocabulary.size;
      // Texts that branch off at different places, one of them longer than a pass.
      const long = Int32Array.from({ length: 70 }, (_, index) => prompt[index % prompt.length]!);
      const texts = [prompt, prompt.subarray(0, -1), long];
      for (const scheme of ['greedy', 'coupled', 'split'] as const) {
        const requests = texts.map((text, index): DraftRequest => {
          const slot = slotId(index);
          const tokens = text.map((token) => (token + index) % size);
          const request = draftRequest({ slot, tokens, scheme, countMax: [5, 1, 3][index]! });
          const config = configOf({ topK: 8 }, BigInt(3 + slot));
          return { ...request, config, wantConfidence: true, alternativesMax: 2 };
        });
        const alone = await draftAlone(requests);
        const together = await engine.draftEach(requests);
        assert.deepEqual(together.ends.map(said), alone.map(said));
        checkPasses(together, requests);
        // And the caches are those of the tokens that were fed: one goes on, others are cut.
        const more = together.ends.map(({ length, drafted }, index) => {
          const from = length - index;
          const tokens = Int32Array.of(drafted.at(-1)!.token);
          const { config: _, ...request } = requests[index]!;
          return { ...request, from, tokens, countMax: 2 };
        });
        const next = await engine.draftEach(more);
        assert.deepEqual(next.ends.map(said), (await draftAlone(more)).map(said));
        checkPasses(next, more);
      }
    });

    it('stops a slot at its own confidence or chance while the others go on', async () => {
      const requests = [0, 1, 2].map((slot) => {
        const config = endless(BigInt(3 + slot));
        return draftRequest({ slot: slotId(slot), config, countMax: 8, wantConfidence: true });
      });
      const sure = (await draftAlone(requests)).map(({ drafted }) =>
        drafted.map(({ confidence }) => confidence!),
      );
      const confidenceMin = between(sure[0]!.slice(0, 6));
      const products = sure[1]!.map((_, index) =>
        sure[1]!.slice(0, index + 1).reduce((product, confidence) => product * confidence, 1),
      );
      const chanceMin = between(products.slice(0, 6));
      const stops = [{ confidenceMin }, { confidenceMin: 0, chanceMin }, { confidenceMin: 0 }];
      const stopping = requests.map((request, index) => {
        return { ...request, stop: stops[index]!, wantConfidence: false };
      });
      const together = await engine.draftEach(stopping);
      const [unsure, unlikely, all] = together.ends;
      assert.equal(unsure!.reason, 'confidence');
      const firstBelow = (values: readonly number[], bound: number) =>
        values.findIndex((value) => value < bound) + 1;
      assert.equal(unsure!.drafted.length, firstBelow(sure[0]!, confidenceMin));
      assert.equal(unlikely!.reason, 'confidence');
      assert.equal(unlikely!.drafted.length, firstBelow(products, chanceMin));
      assert.equal(all!.drafted.length, sure[2]!.length);
      checkPasses(together, stopping);
      assert.deepEqual(together.ends.map(said), (await draftAlone(stopping)).map(said));
    });

    it('ends each slot by itself at the end of its text or of the context', async () => {
      const ends = [...engine.info.vocabulary.endOfText];
      const ending = configOf({ logitBias: new Map([[ends[0]!, 90]]) });
      const countMax = 2 * engine.info.contextLength;
      const requests = [endless(1n), ending, endless(2n)].map((config, index) => {
        const rest = index === 2 ? { countMax: 3 } : { countMax };
        return draftRequest({ slot: slotId(index), config, ...rest });
      });
      const together = await engine.draftEach(requests);
      assert.deepEqual(
        together.ends.map(({ reason }) => reason),
        ['context', 'end-of-text', 'count'],
      );
      checkPasses(together, requests);
    });

    it('refuses several drafts of one slot, none, and all if one is refused, which changes nothing', async () => {
      await open();
      const request = draftRequest({});
      await refuses('segment-invalid', /appears twice/, () => engine.draftEach([request, request]));
      await refuses('segment-invalid', /^0 drafts/, () => engine.draftEach([]));
      const { ends } = await engine.draftEach([request]);
      const from = ends[0]!.length;
      const config = configOf({}, 99n);
      const bad: DraftRequest[] = [
        { ...request, slot: slotId(1), config, from: from + 1 },
        { ...request, slot: slotId(1), config, countMax: 0 },
        { ...request, slot: slotId(1), config: configOf({ topP: 0 }) },
      ];
      await engine.open(slotId(1), config);
      for (const other of bad) {
        await assert.rejects(engine.draftEach([{ ...request, config }, other]));
      }
      const tokens = Int32Array.of(ends[0]!.drafted.at(-1)!.token);
      const next = await engine.draft({ ...request, from, tokens }).done;
      await open(first, configOf());
      const [whole] = (await engine.draftEach([draftRequest({ countMax: 8 })])).ends;
      assert.deepEqual(
        [...ends[0]!.drafted, ...next.drafted].map(({ token }) => token),
        whole!.drafted.map(({ token }) => token),
      );
    });
  });
}

/** A bound that the lowest of these, but no other, is below. */
const between = (values: readonly number[]): number => {
  const [lowest, next] = [...values].sort((one, two) => one - two);
  return (lowest! + next!) / 2;
};

/** The values that must agree, to the bit or within the difference between batch shapes. */
const said = ({ reason, drafted, length }: DraftEnd) => ({
  ...{ reason, length },
  tokens: drafted.map(({ position, token, alternatives }) => ({
    ...{ position, token },
    runnersUp: alternatives && [...alternatives.tokens],
  })),
});
