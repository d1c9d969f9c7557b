// Checks that all that a device hears of an answer is the same with drafts of the server: schemas,
// log-probabilities, ends of text.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainSampling } from '../../../math/sampling.js';
import type { Mode, Open } from '../../../protocol/frame.js';
import { Harness, openFrame, verdicts } from '../core-harness.suite.js';

const model = { slotCount: 2, contextLength: 256, vocabSize: 16 };

/** What the device hears of an answer, and how many of its tokens the server has drafted. */
function answerTo(request: Open) {
  const harness = new Harness({
    model,
    passMs: 20,
    settings: { drafting: { model, suffixBytesMax: 2 ** 16, fixedLength: 3 } },
    draft: { model: { ...model, divergence: 0.2 }, passMs: 1 },
  });
  harness.connect(1);
  harness.send(1, request);
  harness.settle();
  const heard = verdicts(harness.take(1));
  const { modelCount, suffixCount } = harness.core.stats().sources;
  return {
    tokens: heard.flatMap(({ tokens }) => [...tokens]),
    logprobs: heard.flatMap(({ logprobs }) => logprobs ?? []),
    end: heard.at(-1)?.end ?? null,
    draftedCount: modelCount + suffixCount,
  };
}

const requests: { readonly [name: string]: Partial<Open> } = {
  'a schema': { schema: '{"enum":[null,true,11]}', sampling: plainSampling },
  'log-probabilities': { topLogprobs: 3 },
  'a schema and log-probabilities': {
    schema: '{"enum":[null,true]}',
    sampling: plainSampling,
    topLogprobs: 1,
  },
  'an end that comes up': { sampling: { ...plainSampling, logitBias: new Map([[1, 1.5]]) } },
  penalties: { sampling: { ...plainSampling, repetitionPenalty: 1.3, frequencyPenalty: 0.5 } },
};

describe('an answer with drafts of the server', () => {
  for (const [name, changes] of Object.entries(requests)) {
    it(`is what the target writes alone, with ${name}`, () => {
      let draftedCount = 0;
      for (let seed = 0; seed < 12; seed++) {
        const ask = (mode: Mode) =>
          answerTo(openFrame({ tokensMax: 40, seed: BigInt(seed), ...changes, mode }));
        const { tokens, logprobs, end } = ask('stream');
        if (changes.topLogprobs !== undefined) assert.equal(logprobs.length, tokens.length);
        for (const mode of ['auto', 'co-located'] as const) {
          const answer = ask(mode);
          assert.deepEqual(
            { ...answer, draftedCount: 0 },
            { tokens, logprobs, end, draftedCount: 0 },
          );
          draftedCount += answer.draftedCount;
        }
      }
      assert.ok(draftedCount > 20, `${draftedCount} drafted tokens`);
    });
  }
});
