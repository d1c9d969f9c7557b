// The engine's greedy texts about pictures are those that mtmd writes by itself.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { slotId } from '../../../base/brand.js';
import { plainSampling } from '../../../math/sampling.js';
import { prefill } from '../../prefill.js';
import type { ImagePixels } from '../ffi/mtmd.js';
import { type LlamaEngine, loadLlamaEngine } from '../llama-engine.js';
import { ImageEncoder } from './image-encoder.js';
import { mediaMarker, textsOfMtmd } from './mtmd-texts.suite.js';
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

  let isNonCausal = false;
  /** The ids of a picture, around which this model wants no words. */
  const see = async (on: LlamaEngine, picture: ImagePixels): Promise<Int32Array> => {
    const [piece] = (await eyes.encode(picture)).pieces;
    assert.ok(piece?.kind === 'image');
    return on.see({ ...piece, isNonCausal });
  };
  const promptOf = async (on: LlamaEngine, text: string, pictures: readonly ImagePixels[]) => {
    const { vocabulary } = on.info;
    const ids: number[] = [];
    for (const [at, words] of text.split(mediaMarker).entries()) {
      if (at > 0) ids.push(...(await see(on, pictures[at - 1]!)));
      const options = { addBos: at === 0, parseSpecial: true };
      if (words !== '' || at === 0) ids.push(...vocabulary.tokenize(words, options));
    }
    return Int32Array.from(ids);
  };
  const judge = { scheme: 'greedy', draftCount: 0 } as const;
  const writeFrom = async (on: LlamaEngine, from: number, last: number): Promise<number[]> => {
    const tokens: number[] = [];
    for (let at = from, token = last; tokens.length < tokensMax; at++) {
      const segment = { slot, from: at, tokens: Int32Array.of(token), judge };
      const { outcomes } = await on.pass([segment]);
      const { final } = outcomes[0]!;
      assert.ok(final !== null && final.kind !== 'law');
      token = final.token;
      tokens.push(token);
    }
    return tokens;
  };
  const open = (on: LlamaEngine, promptLength: number) =>
    on.open(slot, { sampling: { ...plainSampling, temperature: 0 }, seed: 1n, promptLength });
  const writeText = async (on: LlamaEngine, at: number): Promise<number[]> => {
    const { text, pictures } = cases[at]!;
    const prompt = await promptOf(on, text, pictures);
    await open(on, prompt.length);
    await prefill(on, slot, 0, prompt.subarray(0, -1));
    return writeFrom(on, prompt.length - 1, prompt.at(-1)!);
  };

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
      const prompts = await Promise.all(
        order.map((at) => promptOf(shared, cases[at]!.text, cases[at]!.pictures)),
      );
      const sampling = { ...plainSampling, temperature: 0 };
      for (const [at, { length }] of prompts.entries()) {
        await shared.open(slotId(at), { sampling, seed: 1n, promptLength: length });
      }
      await prefill(shared, slotId(3), 0, prompts[3]!.subarray(0, -1));
      prompts[3] = prompts[3]!.subarray(-1);
      const texts: number[][] = order.map(() => []);
      const lengths = [0, 0, 0, prompts[1]!.length - 1];
      let next = prompts;
      while (texts[0]!.length < tokensMax) {
        const segments = next.map((tokens, at) => ({
          ...{ slot: slotId(at), from: lengths[at]!, tokens, judge },
        }));
        const { outcomes } = await shared.pass(segments);
        next = outcomes.map(({ final }, at) => {
          assert.ok(final !== null && final.kind !== 'law');
          lengths[at]! += segments[at]!.tokens.length;
          texts[at]!.push(final.token);
          return Int32Array.of(final.token);
        });
      }
      assert.deepEqual(
        texts,
        order.map((at) => expected[at]),
      );
    } finally {
      await shared.close();
    }
  });

  it('outlive rolling back, copying, saving and restoring', async () => {
    const { text, pictures } = cases[2]!;
    const prompt = await promptOf(engine, text, pictures);
    await writeText(engine, 2);
    const state = await engine.save(slot);
    const config = {
      sampling: { ...plainSampling, temperature: 0 },
      seed: 1n,
      promptLength: prompt.length,
    };
    const half = prompt.findIndex((token) => token >= 2 ** 30) + 5;
    await engine.truncate(slot, half);
    await prefill(engine, slot, half, prompt.slice(half, -1));
    assert.deepEqual(await writeFrom(engine, prompt.length - 1, prompt.at(-1)!), expected[2]);
    const other = slotId(1);
    await engine.open(other, config);
    await engine.copyPrefix(slot, other, half);
    await engine.open(slot, config);
    await engine.copyPrefix(other, slot, half);
    await prefill(engine, slot, half, prompt.slice(half, -1));
    assert.deepEqual(await writeFrom(engine, prompt.length - 1, prompt.at(-1)!), expected[2]);
    await engine.restore(slot, state, config, prompt.length - 1);
    assert.deepEqual(await writeFrom(engine, prompt.length - 1, prompt.at(-1)!), expected[2]);
  });

  it('attend to all of themselves as in mtmd, however the prompt is cut', async () => {
    const expectedTexts = textsOfMtmd(cases, engine.info.vocabulary.size, tokensMax, true);
    assert.notDeepEqual(expectedTexts, expected);
    const narrow = await load({ passTokensMax: 16 });
    const exact = await load({ deterministic: true });
    const small = await load({ passTokensMax: 15 });
    isNonCausal = true;
    try {
      await assert.rejects(see(exact, drawPicture(1)), { code: 'model-unsupported' });
      const message = /needs one pass; passTokensMax is 15/;
      await assert.rejects(see(small, drawPicture(1)), { code: 'segment-invalid', message });
      for (const at of cases.keys()) {
        assert.deepEqual(await writeText(narrow, at), expectedTexts[at]);
        const { text, pictures } = cases[at]!;
        const prompt = await promptOf(narrow, text, pictures);
        const half = prompt.findIndex((token) => token >= 2 ** 30) + 5;
        await narrow.truncate(slot, half);
        await prefill(narrow, slot, half, prompt.slice(half, -1));
        const again = await writeFrom(narrow, prompt.length - 1, prompt.at(-1)!);
        assert.deepEqual(again, expectedTexts[at]);
        const sampling = { ...plainSampling, temperature: 0 };
        const config = { sampling, seed: 1n, promptLength: prompt.length };
        const state = await narrow.save(slot);
        await narrow.open(slotId(1), config);
        await narrow.copyPrefix(slot, slotId(1), half);
        await narrow.open(slot, config);
        await narrow.copyPrefix(slotId(1), slot, half);
        await prefill(narrow, slot, half, prompt.slice(half, -1));
        const copied = await writeFrom(narrow, prompt.length - 1, prompt.at(-1)!);
        assert.deepEqual(copied, expectedTexts[at]);
        await narrow.restore(slot, state, config, prompt.length - 1);
        const restored = await writeFrom(narrow, prompt.length - 1, prompt.at(-1)!);
        assert.deepEqual(restored, expectedTexts[at]);
      }
    } finally {
      isNonCausal = false;
      await Promise.all([narrow, exact, small].map((each) => each.close()));
    }
  });

  it('are refused where no image may be', async () => {
    const image = await see(engine, drawPicture(1));
    assert.deepEqual(await see(engine, drawPicture(1)), image);
    const refuses = async (
      tokens: Int32Array,
      code: string,
      promptLength = 8,
      draftCount = 0,
    ): Promise<void> => {
      await open(engine, promptLength);
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
    await open(engine, 8);
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
