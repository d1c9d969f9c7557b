// The engine's greedy texts about pictures are those that mtmd writes by itself.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { slotId } from '../../../base/brand.js';
import { isImageToken } from '../../../base/image-token.js';
import { type LlamaEngine, loadLlamaEngine } from '../llama-engine.js';
import { ImageEncoder } from './image-encoder.js';
import { mediaMarker, textsOfMtmd } from './mtmd-texts.suite.js';
import { greedyConfig, judge, PictureWriter } from './picture-writer.suite.js';
import { drawPicture, robotEncoder, robotTarget, whyNoEyes } from './robot-files.suite.js';

const tokensMax = 24;
const texts = [
  `${mediaMarker}go to the red ball\n`,
  `${mediaMarker}what do you see?\n`,
  `look: ${mediaMarker}${mediaMarker}which is nearer?\n`,
  `${mediaMarker}`,
];
const cases = [1, 2, 3].flatMap((seed) =>
  texts.map((text) => {
    const count = text.split(mediaMarker).length - 1;
    const pictures = Array.from({ length: count }, (_, at) => drawPicture(seed + at));
    return { text, pictures };
  }),
);

describe('Images in prompts', { skip: whyNoEyes() }, () => {
  const slot = slotId(0);
  let eyes: ImageEncoder;
  let engine: LlamaEngine;
  let expected: number[][];
  before(async () => {
    eyes = await ImageEncoder.start({ modelPath: robotTarget, encoderPath: robotEncoder });
    engine = await load({});
    expected = textsOfMtmd(cases, engine.info.vocabulary.size, tokensMax);
  });
  after(async () => {
    await eyes.close();
    await engine.close();
  });
  const load = (options: { deterministic?: boolean; passTokensMax?: number; slotCount?: number }) =>
    loadLlamaEngine({ modelPath: robotTarget, threads: 1, slotCount: 2, ...options });

  const writer = (on: LlamaEngine, isNonCausal = false) =>
    new PictureWriter(on, { eyes, tokensMax, isNonCausal });
  const writeText = (on: LlamaEngine, at: number) => writer(on).writeText(cases[at]!);

  it('give the texts that mtmd writes', async () => {
    for (const at of cases.keys()) assert.deepEqual(await writeText(engine, at), expected[at]);
    assert.ok(new Set(expected.map(String)).size > texts.length, 'the pictures make no difference');
  });

  it('give the same texts in pieces, and in deterministic mode whatever the pieces', async () => {
    const pieced = await load({ passTokensMax: 5 });
    const whole = await load({ deterministic: true });
    const cut = await load({ deterministic: true, passTokensMax: 7 });
    try {
      for (const at of [0, 2, 3]) {
        assert.deepEqual(await writeText(pieced, at), expected[at]);
        assert.deepEqual(await writeText(whole, at), await writeText(cut, at));
      }
    } finally {
      await Promise.all([pieced, whole, cut].map((each) => each.close()));
    }
  });

  it('share passes with images before, behind and without words', async () => {
    const shared = await load({ slotCount: 4 });
    try {
      const order = [3, 0, 2, 0];
      const write = writer(shared);
      const prompts = await Promise.all(order.map((at) => write.promptOf(cases[at]!)));
      const written = await write.writeTogether(prompts, 3);
      assert.deepEqual(
        written,
        order.map((at) => expected[at]),
      );
    } finally {
      await shared.close();
    }
  });

  /** In the middle of the first image. */
  const middleOf = (prompt: Int32Array): number => prompt.findIndex(isImageToken) + 5;

  it('outlive rolling back, copying, saving and restoring', async () => {
    const write = writer(engine);
    const prompt = await write.promptOf(cases[2]!);
    for (const text of await write.rewrite(prompt, middleOf(prompt))) {
      assert.deepEqual(text, expected[2]);
    }
  });

  it('attend to all of themselves as in mtmd, however the prompt is cut', async () => {
    const expectedTexts = textsOfMtmd(cases, engine.info.vocabulary.size, tokensMax, true);
    assert.notDeepEqual(expectedTexts, expected);
    const narrow = await load({ passTokensMax: 16 });
    const exact = await load({ deterministic: true });
    const small = await load({ passTokensMax: 15 });
    const see = (on: LlamaEngine) => writer(on, true).see(drawPicture(1));
    try {
      await assert.rejects(see(exact), { code: 'model-unsupported' });
      const message = /needs one pass; passTokensMax is 15/;
      await assert.rejects(see(small), { code: 'segment-invalid', message });
      const write = writer(narrow, true);
      for (const at of cases.keys()) {
        const prompt = await write.promptOf(cases[at]!);
        assert.deepEqual(await write.write(prompt), expectedTexts[at]);
        for (const text of await write.rewrite(prompt, middleOf(prompt))) {
          assert.deepEqual(text, expectedTexts[at]);
        }
      }
    } finally {
      await Promise.all([narrow, exact, small].map((each) => each.close()));
    }
  });

  it('are refused where no image may be', async () => {
    const image = await writer(engine).see(drawPicture(1));
    assert.deepEqual(await writer(engine).see(drawPicture(1)), image);
    const refuses = async (
      tokens: Int32Array,
      code: string,
      promptLength = 8,
      draftCount = 0,
    ): Promise<void> => {
      await engine.open(slot, greedyConfig(promptLength));
      const segment = { slot, from: 0, tokens, judge: { ...judge, draftCount } };
      await assert.rejects(engine.pass([segment]), { code });
    };
    const first = image[0]!;
    await refuses(Int32Array.of(1, first), 'token-out-of-range', 1); // In the answer.
    await refuses(Int32Array.of(1, first), 'token-out-of-range', 8, 1); // As a draft.
    await refuses(Int32Array.of(1, 2 ** 31 - 1), 'segment-invalid'); // Of an image never seen.
    await refuses(Int32Array.of(1, 2 ** 30 - 1), 'token-out-of-range');
    const draft = {
      slot,
      from: 0,
      tokens: Int32Array.of(first),
      countMax: 1,
      attempt: 0,
      wantConfidence: false,
    };
    await engine.open(slot, greedyConfig(8));
    await assert.rejects(
      engine.draftEach([{ ...draft, scheme: 'greedy', stop: { confidenceMin: 0 } }]),
      { code: 'token-out-of-range' },
    );
    const kind = { isNonCausal: false, grid: null };
    const spoiled = { ...kind, width: 160, embeddings: new Float32Array(160).fill(Number.NaN) };
    await assert.rejects(engine.see(spoiled), { code: 'segment-invalid' });
    const wide = { ...kind, width: 80, embeddings: new Float32Array(160) };
    await assert.rejects(engine.see(wide), { code: 'segment-invalid', message: /takes 160/ });
    const grid = { columns: 1, rows: 1 };
    const placed = { ...kind, grid, width: 160, embeddings: new Float32Array(160) };
    const without = /images without rows and columns/;
    await assert.rejects(engine.see(placed), { code: 'segment-invalid', message: without });
  });
});
