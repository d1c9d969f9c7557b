// Tests that the scripted engine keeps the contract of every engine, and behaves as the other tests
// assume.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { plainSampling } from '../math/sampling.js';
import { engineContract } from './engine.suite.js';
import { formatContract } from './format.suite.js';
import { logprobsContract } from './logprobs.suite.js';
import { createScriptedEngine, scriptedDefaults } from './scripted-engine.js';
import { ScriptedModel } from './scripted-model.js';
import { vocabularyDifference } from './vocabulary-match.js';

formatContract('scripted', async () => createScriptedEngine({ alphabet: 'json' }));
logprobsContract('scripted', async () => createScriptedEngine(), 1e-6);
engineContract('scripted', async () => createScriptedEngine({ passRowsMax: 32 }));

describe('scripted model', () => {
  it('writes the same text for one seed and another for another', async () => {
    const texts = await Promise.all([1, 1, 2].map((seed) => draftText(seed, 0)));
    assert.deepEqual(texts[0], texts[1]);
    assert.notDeepEqual(texts[0], texts[2]);
  });

  it('agrees less with the target the more it diverges', () => {
    const agreement = [0, 0.3, 2].map((divergence) => agreeingRows(divergence));
    assert.equal(agreement[0], 200);
    assert.ok(agreement[1]! > agreement[2]!, agreement.join(' > '));
    assert.ok(agreement[2]! < 150, `${agreement[2]} of 200 rows agree at divergence 2`);
  });

  it('tells vocabularies apart in words', () => {
    const large = createScriptedEngine().info.vocabulary;
    const small = createScriptedEngine({ vocabSize: 8 }).info.vocabulary;
    assert.equal(vocabularyDifference(large, large), null);
    assert.match(vocabularyDifference(large, small)!, /first 8 tokens agree.* 16 .* 8/);
  });
});

async function draftText(seed: number, divergence: number): Promise<number[]> {
  const engine = createScriptedEngine({ seed, divergence });
  const slot = slotId(0);
  await engine.open(slot, { sampling: plainSampling, seed: 1n, promptLength: 1 });
  const { drafted } = await engine.draft({
    slot,
    from: 0,
    tokens: Int32Array.of(0),
    countMax: 20,
    stop: { confidenceMin: 0 },
    scheme: 'greedy',
    attempt: 0,
    wantConfidence: false,
  }).done;
  return drafted.map(({ token }) => token);
}

/** Rows of 200 on whose largest logit a draft of this divergence agrees with the target. */
function agreeingRows(divergence: number): number {
  const models = [0, divergence].map(
    (value) => new ScriptedModel({ ...scriptedDefaults, divergence: value }),
  );
  let agreeing = 0;
  for (let row = 0; row < 200; row++) {
    const tops = models.map((model) => {
      model.feed([{ slot: 0, from: row, tokens: Int32Array.of(row % 16), rowCount: 1 }]);
      const logits = [...model.row(0)];
      return logits.indexOf(Math.max(...logits));
    });
    if (tops[0] === tops[1]) agreeing++;
  }
  return agreeing;
}
