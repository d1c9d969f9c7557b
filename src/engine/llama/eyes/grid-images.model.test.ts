// Models that tell rows and columns of an image apart (M-RoPE) write what mtmd writes with them:
// Qwen's three kinds, composed of random weights.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { slotId } from '../../../base/brand.js';
import { isImageToken } from '../../../base/image-token.js';
import type { ImagePixels } from '../ffi/mtmd.js';
import { type LlamaEngine, loadLlamaEngine } from '../llama-engine.js';
import type { LlamaOptions } from '../options.js';
import { findEyesLibrary } from './eyes-library.js';
import { ImageEncoder } from './image-encoder.js';
import { mediaMarker, type PictureText, textsOfMtmd } from './mtmd-texts.suite.js';
import { greedyConfig, judge, PictureWriter } from './picture-writer.suite.js';
import { type PairFiles, type PairKind, projectors, writeRandomPair } from './random-pair.suite.js';
import { drawPicture } from './robot-files.suite.js';

const tokensMax = 24;
/** Of 6 x 4 tokens, unlike in both directions. */
const draw = (seed: number): ImagePixels => {
  const { width, rgb } = drawPicture(seed);
  return { width, height: 64, rgb: rgb.slice(0, width * 64 * 3) };
};
/** No picture right behind another: mtmd would take the two for frames of a video. */
const texts = [
  `${mediaMarker}go to the red ball\n`,
  `look: ${mediaMarker}and${mediaMarker}which is nearer?\n`,
  `${mediaMarker}`,
  'no picture',
];
const cases: PictureText[] = [1, 2].flatMap((seed) =>
  texts.map((text) => {
    const count = text.split(mediaMarker).length - 1;
    return { text, pictures: Array.from({ length: count }, (_, at) => draw(seed + at)) };
  }),
);

function whyNoLibrary(): string | false {
  try {
    findEyesLibrary();
    return false;
  } catch (reason) {
    return String(reason);
  }
}

for (const kind of Object.keys(projectors) as PairKind[]) {
  describe(`Images with rows and columns: ${kind}`, { skip: whyNoLibrary() }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilotfish-grid-'));
    let files: PairFiles;
    let eyes: ImageEncoder;
    let engine: LlamaEngine;
    let expected: number[][];
    const load = (options: Partial<LlamaOptions>) =>
      loadLlamaEngine({ modelPath: files.modelPath, threads: 1, slotCount: 2, ...options });
    const writer = (on: LlamaEngine) => new PictureWriter(on, { eyes, tokensMax });

    before(async () => {
      files = writeRandomPair(folder, kind);
      eyes = await ImageEncoder.start(files);
      engine = await load({});
      expected = textsOfMtmd(cases, files.vocabSize, tokensMax, false, files);
    });
    after(async () => {
      await eyes.close();
      await engine.close();
      rmSync(folder, { recursive: true });
    });

    it('give the texts that mtmd writes', async () => {
      assert.equal(engine.info.imageWidth, files.imageWidth);
      const none = { width: files.imageWidth, embeddings: new Float32Array(files.imageWidth) };
      const bare = engine.see({ ...none, isNonCausal: false, grid: null });
      const message = /images with rows and columns/;
      await assert.rejects(bare, { code: 'segment-invalid', message });
      const both = engine.see({ ...none, isNonCausal: true, grid: { columns: 1, rows: 1 } });
      await assert.rejects(both, { code: 'model-unsupported' });
      for (const [at, text] of cases.entries()) {
        assert.deepEqual(await writer(engine).writeText(text), expected[at]);
      }
      assert.equal(new Set(expected.map(String)).size, cases.length - 1);
    });

    it('give the same texts in pieces, and in deterministic mode whatever the pieces', async () => {
      const pieced = await load({ passTokensMax: 5 });
      const whole = await load({ deterministic: true });
      const cut = await load({ deterministic: true, passTokensMax: 7 });
      try {
        for (const [at, text] of cases.entries()) {
          assert.deepEqual(await writer(pieced).writeText(text), expected[at]);
          const written = await writer(whole).writeText(text);
          assert.deepEqual(await writer(cut).writeText(text), written);
          const prompt = await writer(cut).promptOf(text);
          const middle = prompt.findIndex(isImageToken) + 10;
          for (const again of await writer(cut).rewrite(prompt, middle)) {
            assert.deepEqual(again, written);
          }
        }
      } finally {
        await Promise.all([pieced, whole, cut].map((each) => each.close()));
      }
    });

    it('are in a saved state wherever it is cut behind them', async () => {
      const prompt = await writer(engine).promptOf(cases[0]!);
      await writer(engine).write(prompt);
      const state = await engine.save(slotId(0));
      const length = prompt.findLastIndex(isImageToken) + 2;
      await engine.restore(slotId(0), state, greedyConfig(prompt.length), length);
      assert.deepEqual(await writer(engine).goOn(prompt, length), expected[0]);
    });

    for (const unifiedCache of [true, false]) {
      it(`outlive cuts anywhere, with ${unifiedCache ? 'one cache' : 'a cache a slot'}`, async () => {
        const on = await load({ unifiedCache, passTokensMax: 16 });
        try {
          const prompt = await writer(on).promptOf(cases[1]!);
          for (let length = 1; length < prompt.length; length += 7) {
            for (const text of await writer(on).rewrite(prompt, length)) {
              assert.deepEqual(text, expected[1], `cut to ${length} tokens`);
            }
          }
        } finally {
          await on.close();
        }
      });

      it(`share passes, with ${unifiedCache ? 'one cache' : 'a cache a slot'}`, async () => {
        const on = await load({ unifiedCache, slotCount: 4 });
        try {
          const order = [1, 3, 4, 0];
          const prompts = await Promise.all(order.map((at) => writer(on).promptOf(cases[at]!)));
          const written = await writer(on).writeTogether(prompts, 3);
          assert.deepEqual(
            written,
            order.map((at) => expected[at]),
          );
        } finally {
          await on.close();
        }
      });
    }

    it('outlive drafts that are rejected', async () => {
      const slot = slotId(0);
      for (const [at, text] of cases.entries()) {
        const prompt = await writer(engine).promptOf(text);
        await engine.open(slot, greedyConfig(prompt.length));
        const [first, second, third] = expected[at]!;
        const wrong = Array.from({ length: 5 }, () => third! ^ 1);
        const tokens = Int32Array.of(...prompt, first!, second!, ...wrong);
        const drafted = { ...judge, draftCount: 7 };
        const { outcomes } = await engine.pass([{ slot, from: 0, tokens, judge: drafted }]);
        assert.equal(outcomes[0]!.acceptedCount, 2);
        const whole = Int32Array.of(...prompt, first!, second!, third!);
        const rest = await writer(engine).goOn(whole, prompt.length + 2);
        assert.deepEqual(rest.slice(0, tokensMax - 3), expected[at]!.slice(3));
      }
    });

    it('outlive being forgotten, unless a text begins with a part of them', async () => {
      const on = await load({});
      try {
        const [slot, other] = [slotId(0), slotId(1)];
        const write = writer(on);
        const [prompt, text] = [await write.promptOf(cases[0]!), await write.promptOf(cases[3]!)];
        const first = prompt.findIndex(isImageToken);
        await write.write(prompt);
        const state = await on.save(slot);
        // Behind half of an image anything may come.
        const half = Int32Array.of(...prompt.slice(0, first + 10), 70, 71, 72);
        const written = await write.write(half);
        await on.restore(slot, state, greedyConfig(half.length), first + 10);
        assert.deepEqual(await write.goOn(half, first + 10), written);
        await on.forget(prompt[first]!);
        await on.restore(slot, state, greedyConfig(prompt.length));
        await on.truncate(slot, prompt.length - 1);
        assert.deepEqual(await write.goOn(prompt, prompt.length - 1), expected[0]);
        await on.open(other, greedyConfig(half.length));
        await on.copyPrefix(slot, other, first + 10);
        const segment = { slot: other, from: first + 10, tokens: half.slice(-3), judge };
        const refused = { code: 'segment-invalid', message: /is not here/ };
        for (const _ of 'ab') await assert.rejects(on.pass([segment]), refused);
        await on.truncate(other, 1);
        assert.deepEqual(await write.goOn(text, 1, other), expected[3]);
      } finally {
        await on.close();
      }
    });
  });
}

test('an encoder that feeds more blocks than the target takes is one of another model', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-grid-'));
  try {
    const { modelPath } = writeRandomPair(folder, 'qwen2vl');
    const { encoderPath } = writeRandomPair(folder, 'qwen3vl');
    const message = /embeddings of length 192; the target .* takes 64/;
    await assert.rejects(ImageEncoder.start({ modelPath, encoderPath }), {
      ...{ code: 'eyes-mismatch', message },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
