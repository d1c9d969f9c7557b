// Tests that look-up drafts change the number of passes, never the text, and find repetitions.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../../base/brand.js';
import { plainSampling } from '../../math/sampling.js';
import { schemes, schemeTraits } from '../../math/scheme.js';
import { createScriptedEngine } from '../scripted-engine.js';
import { lookUpDraft } from './look-up-draft.js';
import { type SpeculateRequest, type SpeculationRound, speculate } from './speculate.js';

const request: SpeculateRequest = {
  prompt: Int32Array.of(0, 3, 5),
  tokensMax: 120,
  scheme: 'coupled',
  sampling: { ...plainSampling, temperature: 0.3, logitBias: new Map([[1, -Infinity]]) },
  seed: 11n,
  draftLength: 4,
  confidenceMin: 0,
};

async function rounds(
  draftLength: number,
  changes: Partial<SpeculateRequest>,
): Promise<SpeculationRound[]> {
  const target = createScriptedEngine();
  const draft = draftLength > 0 ? lookUpDraft(target.info) : null;
  const all: SpeculationRound[] = [];
  for await (const round of speculate(target, draft, { ...request, draftLength, ...changes })) {
    all.push(round);
  }
  await target.close();
  return all;
}

const textOf = (all: readonly SpeculationRound[]): number[] =>
  all.flatMap(({ tokens }) => [...tokens]);

describe('drafting by looking up', () => {
  it('writes the text of the target alone, with every scheme whose draw it leaves alone', async () => {
    for (const scheme of schemes.filter((one) => schemeTraits[one].test === 'equality')) {
      const alone = textOf(await rounds(0, { scheme }));
      assert.deepEqual(textOf(await rounds(4, { scheme })), alone, scheme);
    }
  });

  it('guesses what followed last time, up to the end of a text, and goes back with the text', async () => {
    const target = createScriptedEngine();
    const draft = lookUpDraft(target.info, { countMax: 8, chanceMin: 0.01 });
    const slot = slotId(0);
    await draft.open(slot, { sampling: plainSampling, seed: 1n, promptLength: 1 });
    const ask = async (from: number, ...tokens: number[]): Promise<number[]> => {
      const { drafted } = await draft.draft({
        slot,
        from,
        tokens: Int32Array.from(tokens),
        countMax: 4,
        stop: { confidenceMin: 0 },
        scheme: 'greedy',
        attempt: 0,
        wantConfidence: false,
      }).done;
      return drafted.map(({ token }) => token);
    };
    assert.deepEqual(await ask(0, 0, 3, 5, 7, 8, 9, 10, 3, 5), [7, 8, 9, 10]);
    assert.deepEqual(await ask(9, 7, 1, 4, 5, 7), [1]);
    assert.deepEqual(await ask(7, 4, 6), [], 'these two never stood together');
    await target.close();
  });

  it('drafts with a point law where the scheme asks for one', async () => {
    for (const scheme of schemes.filter((one) => schemeTraits[one].test === 'ratio')) {
      const all = await rounds(4, { scheme });
      assert.equal(textOf(all).length, 120);
      assert.ok(all.some(({ drafted }) => drafted.length > 0));
    }
  });
});
