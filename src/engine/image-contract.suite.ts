// Tests that every engine treats images as its interface says.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configOf, type EngineFixture, first, judged } from './engine-fixture.suite.js';
import type { ImageRows } from './image-tokens.js';

export function imageContract(fixture: EngineFixture): void {
  const image = (value: number, count = 3): ImageRows => {
    const width = fixture.engine.info.imageWidth;
    assert.ok(width !== null);
    const embeddings = new Float32Array(count * width).fill(value);
    return { width, embeddings, isNonCausal: false, grid: null };
  };
  const pass = async (ids: Int32Array, promptLength = ids.length) => {
    const { engine } = fixture;
    await engine.open(first, configOf({}, 7n, promptLength));
    const segment = { slot: first, from: 0, tokens: ids, judge: judged('greedy') };
    const { outcomes } = await engine.pass([segment]);
    return outcomes[0]!.final;
  };

  describe('images', () => {
    it('have ids by their content, which stand in a prompt', async () => {
      const { engine } = fixture;
      const [one, same, other] = [
        await engine.see(image(0.5)),
        await engine.see(image(0.5)),
        await engine.see(image(-0.5)),
      ];
      assert.deepEqual(one, same);
      assert.equal(new Set([...one!, ...other!]).size, 6);
      const prompt = (ids: Int32Array) => Int32Array.of(1, ...ids, 2);
      assert.deepEqual(await pass(prompt(one!)), await pass(prompt(same!)));
      for (const ids of [one!, same!, other!]) await engine.forget(ids[0]!);
    });

    it('are refused behind the prompt, once forgotten, and as other rows than the model takes', async () => {
      const { engine } = fixture;
      const refused = { code: 'segment-invalid' };
      const ids = await engine.see(image(0.25));
      await assert.rejects(pass(Int32Array.of(1, ...ids, 2), 1), { code: 'token-out-of-range' });
      await engine.forget(ids[0]!);
      await assert.rejects(pass(Int32Array.of(1, ...ids, 2)), refused);
      await assert.rejects(engine.forget(ids[0]!), refused);
      const wide = { ...image(1, 1), width: image(1, 1).width + 1 };
      await assert.rejects(engine.see(wide), refused);
      const spoiled = image(Number.NaN);
      await assert.rejects(engine.see(spoiled), refused);
    });
  });
}
