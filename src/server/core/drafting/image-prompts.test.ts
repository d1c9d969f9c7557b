// Checks that the server drafts behind images as behind words: the draft model and the look-up see
// none of them, drafts share the target's noise, and the text is the target's own in every mode.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isImageToken } from '../../../base/image-token.js';
import { scriptedImageWidth as width } from '../../../engine/scripted-model.js';
import type { Mode } from '../../../protocol/frame.js';
import { Harness, openFrame, tokensOf } from '../core-harness.suite.js';
import { noServerDrafting, type ServerDrafting } from '../settings.js';

const model = { slotCount: 4, contextLength: 256, sharpness: 0.4 };
const modelled: ServerDrafting = { ...noServerDrafting, model, fixedLength: 3 };
const looked: ServerDrafting = { ...noServerDrafting, suffixBytesMax: 2 ** 16 };
const tokensMax = 60;

interface Written {
  readonly text: number[];
  readonly harness: Harness;
}

/** @param words before, between and behind images. */
function write(
  mode: Mode,
  drafting: ServerDrafting,
  words: readonly (readonly number[])[],
  temperature = 1,
): Written {
  const harness = new Harness({
    ...{ model, passMs: 20, settings: { drafting } },
    draft: { model, passMs: 1 },
  });
  const images = words.slice(1).map((_, index) => {
    const embeddings = new Float32Array(8 * width).fill(index + 1);
    return harness.engine.see({ width, embeddings, isNonCausal: false, grid: null });
  });
  const prompt = words.flatMap((part, index) =>
    index === 0 ? part : [...images[index - 1]!, ...part],
  );
  harness.connect(1);
  const open = openFrame({ mode, tokensMax, scheme: temperature === 0 ? 'greedy' : 'coupled' });
  const frame = { ...open, sampling: { ...open.sampling, temperature } };
  const prepared = { prompt: Int32Array.from(prompt), format: null, hold: 1 };
  harness.feed({ kind: 'frame', connection: 1, frame, prepared });
  for (let step = 0; step < 4000; step++) {
    for (const { requests } of harness.drafts) {
      for (const { tokens } of requests)
        assert.ok(!tokens.some(isImageToken), 'an image is drafted on');
    }
    if (!harness.stepEngine() && !harness.stepDrafter()) break;
  }
  return { text: tokensOf(harness.take(1)), harness };
}

const prompts = {
  'an image': [[0], [3, 5]],
  'two images': [[0, 4], [], [2]],
  'an image at its end': [[0, 3], []],
  'images alone': [[], [], []],
} as const;

for (const [name, words] of Object.entries(prompts)) {
  describe(`a prompt with ${name}`, () => {
    const plain = write('stream', noServerDrafting, words).text;

    for (const mode of ['auto', 'co-located'] as const) {
      it(`has the same text in mode ${mode}, and drafts that stand`, () => {
        const { text, harness } = write(mode, modelled, words);
        assert.equal(text.length, tokensMax);
        assert.deepEqual(text, plain);
        const { sources } = harness.core.stats();
        // Logits say little here: drafts stand because they share the noise of their positions.
        assert.ok(sources.modelCount > 20, `${sources.modelCount} tokens of the draft model`);
      });
    }

    it('has the same text with a look-up', () => {
      assert.deepEqual(write('auto', looked, words).text, plain);
      const greedy = write('stream', noServerDrafting, words, 0).text;
      assert.deepEqual(write('auto', looked, words, 0).text, greedy);
      assert.deepEqual(write('auto', modelled, words, 0).text, greedy);
    });
  });
}

it('a look-up finds a text again behind an image', () => {
  // Greedy texts of this target soon repeat themselves.
  const loop = Array.from({ length: 80 }, (_, index) => 3 + (index % 5));
  const { harness, text } = write('auto', looked, [[0], loop], 0);
  const { suffixCount } = harness.core.stats().serverTests;
  assert.equal(text.length, tokensMax);
  assert.ok(suffixCount > 0, 'nothing was looked up');
});
