// Tests what an engine promises about log-probabilities, over each implementation: they are of the
// row behind the verdict, for every token it commits, under every scheme.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { slotId } from '../base/brand.js';
import { type Law, probOf } from '../math/law.js';
import { toDense } from '../math/law.suite.js';
import { plainSampling } from '../math/sampling.js';
import { type Scheme, schemes } from '../math/scheme.js';
import type { DraftedToken, Engine, Outcome } from './engine.js';
import { judgeDrafts } from './judge-drafts.js';

const [writer, slot] = [slotId(0), slotId(1)];
const draftCount = 6;

/** @param rounding how far a row may be from the same row of another batch, in nats. */
export function logprobsContract(
  name: string,
  make: () => Promise<Engine>,
  rounding: number,
): void {
  describe(`log-probabilities: ${name}`, () => {
    let engine: Engine;
    let prompt: Int32Array;

    before(async () => {
      engine = await make();
      const options = { addBos: true, parseSpecial: false };
      prompt = engine.info.vocabulary.tokenize('a trial in a stone land', options);
    });
    after(() => engine.close());

    /** Tokens of a draw from the softmax itself, each with the law of its row. */
    async function drafted(): Promise<readonly DraftedToken[]> {
      await engine.open(writer, { sampling: plainSampling, seed: 5n, promptLength: 0 });
      const { drafted } = await engine.draft({
        slot: writer,
        from: 0,
        tokens: prompt,
        countMax: draftCount,
        stop: { confidenceMin: 0 },
        scheme: 'split',
        attempt: 0,
        wantConfidence: false,
      }).done;
      return drafted;
    }

    /** The verdict on those tokens under a sampling far from the softmax. */
    async function verdictOn(
      drafts: readonly DraftedToken[],
      scheme: Scheme,
      topLogprobs?: number,
    ): Promise<Outcome> {
      const sampling = { ...plainSampling, temperature: 0.4, topK: 9, presencePenalty: 1 };
      await engine.open(slot, { sampling, seed: 6n, promptLength: prompt.length });
      const tokens = Int32Array.of(...prompt, ...drafts.map(({ token }) => token));
      const asked = topLogprobs === undefined ? {} : { topLogprobs };
      const segment = { slot, from: 0, tokens, judge: judgeDrafts(scheme, drafts), ...asked };
      return (await engine.pass([segment])).outcomes[0]!;
    }

    const isNear = (logprob: number, law: Law, token: number): void => {
      const expected = Math.log(probOf(law, token));
      assert.ok(Math.abs(logprob - expected) <= rounding, `${logprob} is not ${expected}`);
    };

    for (const scheme of schemes) {
      it(`are of the softmax before everything, once for each committed token, under ${scheme}`, async () => {
        const drafts = await drafted();
        const { acceptedCount, final, logprobs } = await verdictOn(drafts, scheme, 3);
        assert.ok(final && logprobs);
        const committed = drafts.slice(0, acceptedCount).map(({ token }) => token);
        if (final.kind !== 'law') committed.push(final.token);
        assert.equal(logprobs.tokens.length, committed.length);
        // The row after the last draft has no law to compare with.
        drafts.slice(0, committed.length).forEach(({ law }, index) => {
          const { logprob, top } = logprobs.tokens[index]!;
          isNear(logprob, law!, committed[index]!);
          assert.equal(top.length, 3);
          for (const ranked of top) isNear(ranked.logprob, law!, ranked.token);
        });
      });
    }

    it('come with a law for each token that it may give', async () => {
      const drafts = await drafted();
      const [first] = drafts;
      const { vocabulary } = engine.info;
      // An unlikely token with a draft probability of 1 is rejected.
      const probs = toDense(first!.law!, vocabulary.size).probs;
      const worst = probs.indexOf(Math.min(...probs));
      const { final, logprobs } = await verdictOn(
        [{ ...first!, token: worst, prob: 1 }],
        'split',
        2,
      );
      assert.ok(final?.kind === 'law' && logprobs?.law);
      assert.deepEqual(logprobs.tokens, []);
      assert.equal(logprobs.law.logprobs.length, final.law.probs.length);
      logprobs.law.logprobs.forEach((logprob, index) => {
        const token = final.law.kind === 'sparse' ? final.law.ids[index]! : index;
        isNear(logprob, first!.law!, token);
      });
    });

    it('are not computed unless asked for, and asking changes no verdict', async () => {
      const drafts = await drafted();
      const plain = await verdictOn(drafts, 'coupled');
      assert.equal(plain.logprobs, null);
      const { logprobs: _, ...asked } = await verdictOn(drafts, 'coupled', 20);
      assert.deepEqual({ ...asked, logprobs: null }, plain);
    });

    it('refuse more alternatives than 20', async () => {
      await assert.rejects(verdictOn(await drafted(), 'greedy', 21), { code: 'segment-invalid' });
    });
  });
}
