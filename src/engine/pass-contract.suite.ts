// Tests of every engine: the results of passes, and that the cache is never wrong, however it was
// cut, copied or saved.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Engine } from './engine.js';
import {
  configOf,
  type EngineFixture,
  first,
  judged,
  refuses,
  second,
  third,
} from './engine-fixture.suite.js';
import { prefill } from './prefill.js';

/** Passes and the cache. */
export function passContract(on: EngineFixture): void {
  const { open, step, write } = on;
  let engine: Engine;
  let prompt: Int32Array;
  before(() => {
    ({ engine, prompt } = on);
  });

  describe('passes', () => {
    it('gives the same text however a prompt is cut into segments', async () => {
      const texts: number[][] = [];
      for (const cut of [prompt.length - 1, 1, 3]) {
        await open();
        for (let from = 0; from < prompt.length - 1; from += cut) {
          const tokens = prompt.slice(from, Math.min(from + cut, prompt.length - 1));
          await engine.pass([{ slot: first, from, tokens, judge: null }]);
        }
        const tokens = prompt.slice(-1);
        const from = prompt.length - 1;
        texts.push([await step({ slot: first, from, tokens, judge: judged('coupled') })]);
      }
      assert.deepEqual(texts[1], texts[0]);
      assert.deepEqual(texts[2], texts[0]);
    });

    it('gives many sequences of one batch the text that each has alone', async () => {
      const seeds = [1n, 2n, 3n];
      const alone: number[][] = [];
      for (const seed of seeds) {
        await open(first, configOf({}, seed));
        alone.push(await write(first, 6));
      }
      const slots = [first, second, third];
      const texts = slots.map(() => [...prompt]);
      await Promise.all(slots.map((slot, index) => open(slot, configOf({}, seeds[index]!))));
      // Prompts in chunks of different lengths, so that batches mix prefill and steps.
      for (const slot of slots) await prefill(engine, slot, 0, prompt.subarray(0, -1));
      for (let index = 0; index < 6; index++) {
        const { outcomes } = await engine.pass(
          slots.map((slot, draftSlot) => ({
            slot,
            from: texts[draftSlot]!.length - 1,
            tokens: Int32Array.of(texts[draftSlot]!.at(-1)!),
            judge: judged('coupled'),
          })),
        );
        outcomes.forEach(({ final }, draftSlot) => {
          assert.ok(final && final.kind !== 'law');
          texts[draftSlot]!.push(final.token);
        });
      }
      assert.deepEqual(texts, alone);
    });

    it('accepts the right drafts, cuts behind the first wrong one, and rolls its cache back', async () => {
      for (const scheme of ['greedy', 'coupled'] as const) {
        await open();
        const text = await write(first, 8, scheme);
        const answer = text.slice(prompt.length);
        const wrong = (answer[2]! + 1) % engine.info.vocabulary.size;
        await open();
        await prefill(engine, first, 0, prompt.subarray(0, -1));
        const drafts = [answer[0]!, answer[1]!, wrong, answer[3]!];
        const from = prompt.length - 1;
        const { outcomes } = await engine.pass([
          {
            slot: first,
            from,
            tokens: Int32Array.of(prompt[from]!, ...drafts),
            judge: judged(scheme, 4),
          },
        ]);
        assert.deepEqual(outcomes[0], {
          slot: first,
          acceptedCount: 2,
          final: { kind: 'residual', token: answer[2] },
          logprobs: null,
          length: prompt.length + 2,
        });
        const rest = Int32Array.from(answer.slice(2, 7));
        const all = await engine.pass([
          { slot: first, from: prompt.length + 2, tokens: rest, judge: judged(scheme, 4) },
        ]);
        assert.equal(all.outcomes[0]!.acceptedCount, 4);
        assert.deepEqual(all.outcomes[0]!.final, { kind: 'bonus', token: answer[7] });
        assert.equal(all.outcomes[0]!.length, prompt.length + 7);
      }
    });

    it('answers a pass without segments', async () => {
      assert.deepEqual((await engine.pass([])).outcomes, []);
    });

    it('runs calls in the order they were made', async () => {
      const calls = [
        open(),
        engine.pass([{ slot: first, from: 0, tokens: prompt.slice(0, 4), judge: null }]),
      ];
      const cut = engine.truncate(first, 2);
      const next = engine.pass([{ slot: first, from: 2, tokens: prompt.slice(2, 3), judge: null }]);
      await Promise.all([...calls, cut]);
      assert.equal((await next).outcomes[0]!.length, 3);
    });
  });

  describe('cache', () => {
    it('rolled back to any length, writes on as if never advanced', async () => {
      await open();
      const text = await write();
      for (const length of [prompt.length, prompt.length + 3, prompt.length + 9]) {
        await open();
        await write();
        await engine.truncate(first, length);
        const token = await step({
          slot: first,
          from: length,
          tokens: Int32Array.of(text[length]!),
          judge: judged('coupled'),
        });
        assert.equal(token, text[length + 1]);
      }
    });

    it('shares a prefix: the copy writes the same text and neither disturbs the other', async () => {
      await open();
      const text = await write();
      await open(second);
      await engine.copyPrefix(first, second, prompt.length + 4);
      const from = prompt.length + 4;
      const tokens = Int32Array.of(text[from]!);
      assert.equal(
        await step({ slot: second, from, tokens, judge: judged('coupled') }),
        text[from + 1],
      );
      await engine.truncate(second, 1);
      const last = text.length - 1;
      await engine.truncate(first, last - 1);
      const repeat = {
        slot: first,
        from: last - 1,
        tokens: Int32Array.of(text[last - 1]!),
        judge: judged('coupled'),
      };
      assert.equal(await step(repeat), text[last]);
    });

    it('opened again with a part of its text, writes on as another would', async () => {
      await open();
      const text = await write();
      const from = prompt.length + 4;
      const config = configOf({ repetitionPenalty: 1.3 }, 9n, prompt.length);
      await engine.open(first, config, from);
      await engine.open(second, config);
      await prefill(engine, second, 0, Int32Array.from(text.slice(0, from)));
      const tokens = Int32Array.of(text[from]!);
      const [kept, fresh] = [first, second].map((slot) => ({
        ...{ slot, from, tokens, judge: judged('coupled') },
      }));
      assert.equal(await step(kept!), await step(fresh!));
      await engine.open(first, config, from);
      await refuses('segment-invalid', /cannot keep .* it holds/, () =>
        engine.open(first, config, from + 1),
      );
    });

    it('restored in part, writes on from there', async () => {
      await open();
      const text = await write();
      const state = await engine.save(first);
      const from = prompt.length + 4;
      await engine.restore(second, state, configOf(), from);
      const tokens = Int32Array.of(text[from]!);
      const again = { slot: second, from, tokens, judge: judged('coupled') };
      assert.equal(await step(again), text[from + 1]);
      await refuses('segment-invalid', /cannot keep/, () =>
        engine.restore(second, state, configOf(), text.length + 1),
      );
    });

    it('saved and restored, also into another slot, writes on', async () => {
      await open();
      const text = await write();
      const state = await engine.save(first);
      await engine.restore(second, state, configOf());
      const from = text.length - 1;
      const tokens = Int32Array.of(text[from]!);
      const again = await step({ slot: second, from, tokens, judge: judged('coupled') });
      assert.equal(again, await step({ slot: first, from, tokens, judge: judged('coupled') }));
    });

    it('refuses damaged or cut states and leaves the slot as it was', async () => {
      await open();
      const text = await write();
      const state = await engine.save(first);
      const flipped = state.slice();
      flipped[flipped.length - 1]! ^= 1;
      for (const bad of [flipped, state.slice(0, -1), state.slice(0, 5), new Uint8Array(0)]) {
        await refuses('segment-invalid', /saved state/, () =>
          engine.restore(first, bad, configOf({}, 8n)),
        );
      }
      const from = text.length - 2;
      await engine.truncate(first, from);
      const tokens = Int32Array.of(text[from]!);
      const again = await step({ slot: first, from, tokens, judge: judged('coupled') });
      assert.equal(again, text[from + 1]);
    });
  });
}
