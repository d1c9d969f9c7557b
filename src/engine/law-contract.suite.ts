// Tests of every engine: laws, penalties and biases judge as they draw, and drafting writes the
// same text as stepping.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { DraftedToken, Engine, Scheme } from './engine.js';
import { configOf, type EngineFixture, first, judged, second } from './engine-fixture.suite.js';
import { prefill } from './prefill.js';

/** Laws and drafting. */
export function lawContract(on: EngineFixture): void {
  const { open, step, write, draftRequest } = on;
  let engine: Engine;
  let prompt: Int32Array;
  before(() => {
    ({ engine, prompt } = on);
  });

  describe('laws', () => {
    it('writes one coupled text for every draft length, and another for another seed', async () => {
      await open();
      const text = await write(first, 12);
      await open(first, configOf({}, 8n));
      assert.notDeepEqual(await write(first, 12), text);
      for (const draftLength of [1, 2, 5]) {
        await open();
        assert.deepEqual(
          await writeWithDrafts('coupled', draftLength),
          text.slice(0, prompt.length + 10),
        );
      }
    });

    /** Drafts and judges with one model in two slots until 10 tokens are written. */
    async function writeWithDrafts(scheme: Scheme, draftLength: number): Promise<number[]> {
      await open(second);
      await prefill(engine, first, 0, prompt.subarray(0, -1));
      const text = [...prompt];
      while (text.length < prompt.length + 10) {
        await engine.truncate(second, 0);
        const { drafted } = await engine.draft(
          draftRequest({
            slot: second,
            tokens: Int32Array.from(text),
            countMax: draftLength,
            scheme,
          }),
        ).done;
        const from = text.length - 1;
        const drafts = drafted.map(({ token }) => token);
        const { outcomes } = await engine.pass([
          {
            slot: first,
            from,
            tokens: Int32Array.of(text[from]!, ...drafts),
            judge: judged('coupled', drafts.length),
          },
        ]);
        const { acceptedCount, final } = outcomes[0]!;
        assert.equal(acceptedCount, drafts.length, 'the target is its own perfect draft');
        assert.ok(final && final.kind !== 'law');
        text.push(...drafts, final.token);
      }
      return text.slice(0, prompt.length + 10);
    }

    it('counts penalties over prompt, output and the drafts before a row', async () => {
      const config = configOf({ presencePenalty: 60, temperature: 0.1 }, 3n, prompt.length);
      await open(first, config);
      const text = await write(first, 8, 'coupled');
      const answer = text.slice(prompt.length);
      assert.equal(new Set(answer).size, answer.length, 'a heavy presence penalty forbids repeats');
      await open(first, config);
      await prefill(engine, first, 0, prompt.subarray(0, -1));
      const tokens = Int32Array.from([prompt.at(-1)!, ...answer.slice(0, 7)]);
      const { outcomes } = await engine.pass([
        { slot: first, from: prompt.length - 1, tokens, judge: judged('coupled', 7) },
      ]);
      assert.equal(outcomes[0]!.acceptedCount, 7);
      assert.deepEqual(outcomes[0]!.final, { kind: 'bonus', token: answer[7] });
    });

    it('bans a token by its bias', async () => {
      await open();
      const answer = (await write(first, 1, 'greedy')).at(-1)!;
      await open(first, configOf({ logitBias: new Map([[answer, -Infinity]]) }));
      assert.notEqual((await write(first, 1, 'greedy')).at(-1), answer);
    });

    it('hands split rejections a law and judges full laws', async () => {
      await open(first, configOf({ topK: 3 }));
      await prefill(engine, first, 0, prompt.subarray(0, -1));
      await open(second, configOf({ topK: 3 }));
      const { drafted } = await engine.draft(
        draftRequest({ slot: second, tokens: prompt, countMax: 3, scheme: 'split' }),
      ).done;
      const from = prompt.length - 1;
      const drafts = drafted.map(({ token }) => token);
      const tokens = Int32Array.of(prompt[from]!, ...drafts);
      const probs = Float64Array.from(drafted, ({ prob }) => prob!);
      const own = await engine.pass([
        {
          slot: first,
          from,
          tokens,
          judge: { scheme: 'split', draftCount: 3, draftProbs: probs },
        },
      ]);
      assert.equal(own.outcomes[0]!.acceptedCount, 3, 'equal laws never reject');
      await engine.truncate(first, from);
      const laws = drafted.map(({ law }) => law!);
      const full = await engine.pass([
        { slot: first, from, tokens, judge: { scheme: 'full', draftCount: 3, draftLaws: laws } },
      ]);
      assert.equal(full.outcomes[0]!.acceptedCount, 3);
      await engine.truncate(first, from);
      const banned = [...Array(engine.info.vocabulary.size).keys()].find(
        (id) => !laws[0]!.kind || !(laws[0] as { ids: Int32Array }).ids.includes(id),
      )!;
      const bad = Int32Array.of(prompt[from]!, banned);
      const rejected = await engine.pass([
        {
          slot: first,
          from,
          tokens: bad,
          judge: { scheme: 'split', draftCount: 1, draftProbs: Float64Array.of(0.5) },
        },
      ]);
      assert.equal(rejected.outcomes[0]!.acceptedCount, 0);
      assert.equal(rejected.outcomes[0]!.final!.kind, 'law');
    });
  });

  describe('drafting', () => {
    it('drafts what stepping would have written, tells each token, and feeds all but the last', async () => {
      await open();
      const text = await write(first, 6);
      await open();
      const reported: DraftedToken[] = [];
      const end = await engine.draft(draftRequest({ countMax: 6 }), (token) => reported.push(token))
        .done;
      assert.deepEqual(
        end.drafted.map(({ token }) => token),
        text.slice(prompt.length),
      );
      assert.deepEqual(
        end.drafted.map(({ position }) => position),
        text.slice(prompt.length).map((_, index) => prompt.length + index),
      );
      assert.deepEqual(reported, end.drafted);
      assert.equal(end.reason, 'count');
      assert.equal(end.length, prompt.length + 5);
    });

    it('stops behind the first token below the confidence', async () => {
      await open();
      const all = await engine.draft(draftRequest({ countMax: 12, wantConfidence: true })).done;
      const sure = all.drafted.map(({ confidence }) => confidence!);
      for (const confidence of sure) assert.ok(confidence > 0 && confidence <= 1);
      const confidenceMin = [...sure].sort((a, b) => a - b)[Math.floor(sure.length / 2)]!;
      await open();
      const end = await engine.draft(draftRequest({ countMax: 12, stop: { confidenceMin } })).done;
      assert.equal(end.reason, 'confidence');
      assert.equal(
        end.drafted.length,
        sure.findIndex((confidence) => confidence < confidenceMin) + 1,
      );
    });

    it('can be stopped between tokens, and the slot is usable afterwards', async () => {
      await open();
      let run: ReturnType<Engine['draft']> | null = null;
      let seen = 0;
      run = engine.draft(draftRequest({ countMax: 100 }), () => {
        if (++seen === 3) run!.stop();
      });
      const end = await run.done;
      assert.equal(end.reason, 'stopped');
      assert.ok(
        end.drafted.length >= 3 && end.drafted.length < 100,
        `${end.drafted.length} drafted`,
      );
      await engine.truncate(first, prompt.length);
      const from = prompt.length;
      const tokens = Int32Array.of(end.drafted[0]!.token);
      assert.equal(
        await step({ slot: first, from, tokens, judge: judged('coupled') }),
        end.drafted[1]!.token,
      );
    });

    it('ends at the end of the context', async () => {
      const { contextLength } = engine.info;
      await open(
        first,
        configOf({
          logitBias: new Map([...engine.info.vocabulary.endOfText].map((id) => [id, -Infinity])),
        }),
      );
      const end = await engine.draft(draftRequest({ countMax: 2 * contextLength })).done;
      assert.equal(end.reason, 'context');
      assert.equal(end.length, contextLength);
    });

    it('ends at the end of the text', async () => {
      const ends = [...engine.info.vocabulary.endOfText];
      await open(first, configOf({ logitBias: new Map([[ends[0]!, 90]]) }));
      const end = await engine.draft(draftRequest({ countMax: 9 })).done;
      assert.equal(end.reason, 'end-of-text');
      assert.deepEqual(
        end.drafted.map(({ token }) => token),
        [ends[0]],
      );
    });
  });
}
