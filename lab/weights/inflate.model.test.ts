// An inflated model writes what its source writes, through llama.cpp: logits compared number by
// number.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openLlama } from '../../src/engine/llama/ffi/llama.js';
import { type LlamaEngine, loadLlamaEngine } from '../../src/engine/llama/index.js';
import { findLibrary } from '../../src/engine/llama/library.js';
import { NativeModel } from '../../src/engine/llama/native-model.js';
import { resolveOptions } from '../../src/engine/llama/options.js';
import { checkSameVocabulary } from '../../src/engine/vocabulary-match.js';
import { type InflateOptions, inflate } from './inflate.js';
import { writeRandomModel } from './random-model.suite.js';

const bundled = (name: string): string =>
  fileURLToPath(new URL(`../../../models/stories-${name}-f16.gguf`, import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'pilotfish-inflate-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => join(folder, name);

const contextLength = 96;
const textLength = 50;

function open(modelPath: string): NativeModel {
  const options = { modelPath, contextLength, passTokensMax: 64, threads: 1 };
  return new NativeModel(openLlama(findLibrary()), resolveOptions(options, contextLength));
}

async function promptOf(engine: LlamaEngine): Promise<Int32Array> {
  const text = 'Once upon a time, in a village by the sea,';
  return engine.info.vocabulary.tokenize(text, { addBos: true, parseSpecial: false });
}

const argmax = (row: Float32Array): number => {
  let best = 0;
  for (let token = 1; token < row.length; token++) if (row[token]! > row[best]!) best = token;
  return best;
};

/**
 * Both models on the source's greedy text: how many tokens agree, and how far the logits are apart.
 */
function compare(source: NativeModel, larger: NativeModel, prompt: Int32Array) {
  let equalCount = 0;
  let apartMax = 0;
  let fillerMax = -Infinity;
  let tokens = prompt;
  let from = 0;
  for (let step = 0; step < textLength; step++) {
    const part = { slot: 0, from, tokens, rowCount: 1 };
    source.feed([part]);
    larger.feed([part]);
    const [left, right] = [source.row(0), larger.row(0)];
    if (argmax(left) === argmax(right)) equalCount++;
    left.forEach((logit, token) => {
      apartMax = Math.max(apartMax, Math.abs(logit - right[token]!));
    });
    for (const logit of right.subarray(left.length)) fillerMax = Math.max(fillerMax, logit);
    from += tokens.length;
    tokens = Int32Array.of(argmax(left));
  }
  return { equalCount, apartMax, fillerMax };
}

/**
 * Logits apart by no more than this. Widths by a power of 4 scale norms by a power of 2, which
 * rounds nothing; other widths move the last bit of activations that llama.cpp rounds to F16.
 */
const cases: readonly (readonly [InflateOptions, apartMax: number])[] = [
  [{ blockCount: 24 }, 0],
  [{ blockCount: 11 }, 0],
  // The prompt goes through the last block one row only, whichever block that is: another kernel,
  // another rounding.
  [{ blockCount: 11, placement: 'first' }, 0.01],
  [{ blockCount: 8, feedForwardLength: 2048 }, 0],
  [{ blockCount: 8, embeddingLength: 1024 }, 0],
  [{ blockCount: 8, embeddingLength: 512 }, 0.05],
  [{ blockCount: 16, embeddingLength: 1024, feedForwardLength: 2816, vocabSize: 8192 }, 0],
  [{ blockCount: 9, embeddingLength: 512, vocabSize: 5000 }, 0.05],
];

describe('inflate', () => {
  it('leaves text and logits as they were', async () => {
    const engine = await loadLlamaEngine({
      modelPath: bundled('target'),
      threads: 1,
      probe: false,
    });
    const prompt = await promptOf(engine);
    await engine.close();
    for (const [options, bound] of cases) {
      const path = inFolder('larger.gguf');
      inflate(bundled('target'), path, options);
      const source = open(bundled('target'));
      const larger = open(path);
      const { equalCount, apartMax, fillerMax } = compare(source, larger, prompt);
      source.close();
      larger.close();
      const what = JSON.stringify(options);
      assert.equal(equalCount, textLength, what);
      assert.ok(apartMax <= bound, `${what}: logits ${apartMax} apart, allowed ${bound}`);
      assert.ok(fillerMax < -1000, `${what}: a filler token has logit ${fillerMax}`);
    }
  });

  it('lengthens the vocabularies of draft and target alike', async () => {
    const vocabSize = 6000;
    inflate(bundled('target'), inFolder('target.gguf'), {
      blockCount: 8,
      embeddingLength: 512,
      vocabSize,
    });
    inflate(bundled('draft'), inFolder('draft.gguf'), {
      blockCount: 2,
      embeddingLength: 256,
      vocabSize,
    });
    const [target, draft] = await Promise.all(
      ['target.gguf', 'draft.gguf'].map((name) =>
        loadLlamaEngine({ modelPath: inFolder(name), threads: 1 }),
      ),
    );
    assert.equal(target!.info.vocabulary.size, vocabSize);
    checkSameVocabulary(target!.info.vocabulary, draft!.info.vocabulary);
    const text = 'A word like <filler_5000> is spelled, not named.';
    const tokens = target!.info.vocabulary.tokenize(text, { addBos: false, parseSpecial: true });
    assert.ok(tokens.every((token) => token < 4096));
    await target!.close();
    await draft!.close();
  });
});

describe('random model', () => {
  it('loads, computes finite logits, and is the same for the same seed', async () => {
    const sizes = {
      embeddingLength: 128,
      blockCount: 2,
      headCount: 4,
      headCountKv: 2,
      feedForwardLength: 320,
      vocabSize: 8000,
      contextLength: 256,
      tokenizerFrom: bundled('draft'),
    };
    writeRandomModel(inFolder('one.gguf'), { ...sizes, seed: 7 });
    writeRandomModel(inFolder('two.gguf'), { ...sizes, seed: 7 });
    const [one, two] = ['one.gguf', 'two.gguf'].map((name) => open(inFolder(name)));
    const tokens = Int32Array.of(1, 500, 7999);
    const part = { slot: 0, from: 0, tokens, rowCount: 3 };
    one!.feed([part]);
    two!.feed([part]);
    for (const row of [0, 1, 2]) {
      const logits = one!.row(row);
      assert.equal(logits.length, 8000);
      assert.ok(logits.every(Number.isFinite));
      assert.deepEqual(logits, two!.row(row));
    }
    one!.close();
    two!.close();
  });
});
