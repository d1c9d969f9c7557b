// A model of Gemma 3's shape, composed of random weights, writes what mtmd writes with it: images
// that attend to all of themselves, words around them, blocks that see a window only.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isImageToken } from '../../../base/image-token.js';
import { type LlamaEngine, loadLlamaEngine } from '../llama-engine.js';
import type { LlamaOptions } from '../options.js';
import { findEyesLibrary } from './eyes-library.js';
import { ImageEncoder } from './image-encoder.js';
import { mediaMarker, type PictureText, textsOfMtmd } from './mtmd-texts.suite.js';
import { PictureWriter } from './picture-writer.suite.js';
import { gemmaImageTokens, imageWords, writeRandomGemma } from './random-gemma.suite.js';
import type { PairFiles } from './random-pair.suite.js';
import { drawPicture } from './robot-files.suite.js';

const tokensMax = 24;
const texts = [
  `${mediaMarker}go to the red ball\n`,
  `look: ${mediaMarker}${mediaMarker}which is nearer?\n`,
  `${mediaMarker}`,
  'no picture',
];
const cases: PictureText[] = [1, 2].flatMap((seed) =>
  texts.map((text) => {
    const count = text.split(mediaMarker).length - 1;
    return { text, pictures: Array.from({ length: count }, (_, at) => drawPicture(seed + at)) };
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

describe('Images that attend to all of themselves: gemma3', { skip: whyNoLibrary() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-gemma-'));
  let files: PairFiles;
  let eyes: ImageEncoder;
  let engine: LlamaEngine;
  let expected: number[][];
  const load = (options: Partial<LlamaOptions>) =>
    loadLlamaEngine({ modelPath: files.modelPath, threads: 1, slotCount: 2, ...options });
  const writer = (on: LlamaEngine) => new PictureWriter(on, { eyes, tokensMax });

  before(async () => {
    files = writeRandomGemma(folder);
    eyes = await ImageEncoder.start(files);
    engine = await load({});
    expected = textsOfMtmd(cases, files.vocabSize, tokensMax, false, files);
  });
  after(async () => {
    await eyes.close();
    await engine.close();
    rmSync(folder, { recursive: true });
  });

  it('stand between their words, and give the texts that mtmd writes', async () => {
    const { vocabulary } = engine.info;
    const [before, ...rest] = await writer(engine).see(drawPicture(1));
    const words = [before!, rest.pop()!].map((id) => vocabulary.tokenText(id));
    assert.deepEqual(words, imageWords);
    assert.ok(rest.length === gemmaImageTokens && rest.every(isImageToken));
    for (const [at, text] of cases.entries()) {
      assert.deepEqual(await writer(engine).writeText(text), expected[at]);
    }
    assert.equal(new Set(expected.map(String)).size, cases.length - 1);
  });

  it('are refused in deterministic mode, and where a pass is too small for one', async () => {
    const exact = await load({ deterministic: true });
    const small = await load({ passTokensMax: gemmaImageTokens - 1 });
    try {
      const see = (on: LlamaEngine) => writer(on).see(drawPicture(1));
      await assert.rejects(see(exact), { code: 'model-unsupported' });
      await assert.rejects(see(small), { code: 'segment-invalid', message: /needs one pass/ });
    } finally {
      await Promise.all([exact, small].map((each) => each.close()));
    }
  });

  for (const unifiedCache of [true, false]) {
    it(`outlive cuts anywhere, with ${unifiedCache ? 'one cache' : 'a cache a slot'}`, async () => {
      const on = await load({ unifiedCache, passTokensMax: gemmaImageTokens });
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
});
