// Inflated model files: the sizes asked for, the blocks in their places, the checks passed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { textValue, uint32Value } from '../../src/engine/gguf/encode.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { readGguf } from '../../src/engine/gguf/reader.js';
import { inFolder, writtenModel } from '../../src/engine/gguf/test-file.suite.js';
import { tinyModel, zeros } from '../../src/engine/gguf/tiny-model.suite.js';
import { type InflateOptions, inflate } from './inflate.js';
import { type RandomModelOptions, writeRandomModel } from './random-model.suite.js';

test('an inflated file has the sizes that were asked for and passes every check', () => {
  const source = writtenModel(tinyModel(), 'source.gguf');
  const path = inFolder('larger.gguf');
  const { fileBytes, realBlocks } = inflate(source, path, {
    blockCount: 5,
    embeddingLength: 64,
    feedForwardLength: 96,
    vocabSize: 300,
  });
  const facts = checkModelFile(path);
  assert.equal(fileBytes, readFileSync(path).length);
  assert.deepEqual(realBlocks, [2, 4]);
  assert.deepEqual(
    [facts.blockCount, facts.embeddingLength, facts.feedForwardLength, facts.vocabSize],
    [5, 64, 96, 300],
  );
  assert.deepEqual([facts.headCount, facts.headCountKv], [8, 4]);
  assert.match(facts.name, /^tiny \(inflated/);
  // The source has no output of its own; with filler tokens the larger model needs one.
  assert.ok(readGguf(path).tensors.some(({ name }) => name === 'output.weight'));
});

test('a longer context changes nothing else of a file', () => {
  const source = writtenModel(tinyModel(), 'source.gguf');
  const path = inFolder('longer.gguf');
  inflate(source, path, { contextLength: 2048 });
  const [before, after] = [source, path].map(checkModelFile);
  assert.equal(after!.contextLength, 2048);
  assert.equal(after!.blockCount, before!.blockCount);
  assert.equal(after!.embeddingLength, before!.embeddingLength);
});

test('real blocks are spread evenly with the last one last, or come first', () => {
  const source = writtenModel(tinyModel(), 'source.gguf');
  const places = (options: InflateOptions) =>
    inflate(source, inFolder('larger.gguf'), options).realBlocks;
  assert.deepEqual(places({ blockCount: 2 }), [0, 1]);
  assert.deepEqual(places({ blockCount: 7 }), [3, 6]);
  assert.deepEqual(places({ blockCount: 7, placement: 'first' }), [0, 1]);
});

test('sizes that do not fit the source are the caller to mend', () => {
  const source = writtenModel(tinyModel(), 'source.gguf');
  const cases: readonly (readonly [InflateOptions, RegExp])[] = [
    [{ blockCount: 1 }, /blockCount: 1 /],
    [{ blockCount: 513 }, /blockCount: 513/],
    [{ blockCount: 2.5 }, /blockCount: 2.5/],
    [{ blockCount: 2, embeddingLength: 48 }, /embeddingLength: 1.5 times the source/],
    [{ blockCount: 2, embeddingLength: 16 }, /embeddingLength: 0.5 times/],
    [{ blockCount: 2, feedForwardLength: 63 }, /feedForwardLength: 63/],
    [{ blockCount: 2, vocabSize: 10 }, /vocabSize: 10/],
    [{ blockCount: 2, vocabSize: 300 }, /vocabSize: 300 in the same width/],
  ];
  for (const [options, message] of cases) {
    assert.throws(() => inflate(source, inFolder('none.gguf'), options), {
      code: 'usage',
      message,
    });
  }
});

test('models with parts that nobody proved harmless are not inflated', () => {
  const refuses = (spoil: (model: ReturnType<typeof tinyModel>) => void, message: RegExp) => {
    const model = tinyModel();
    spoil(model);
    const path = writtenModel(model, 'other.gguf');
    const work = () => inflate(path, inFolder('none.gguf'), { blockCount: 3 });
    assert.throws(work, { code: 'model-unsupported', message });
  };
  refuses(
    ({ tensors }) => tensors.push(zeros('blk.0.attn_q.bias', 'F32', 32)),
    /not a plain llama model: blk.0.attn_q.bias/,
  );
  refuses(({ metadata }) => {
    for (const [key, value] of [...metadata]) metadata.set(key.replace(/^llama/, 'qwen2'), value);
    metadata.set('general.architecture', textValue('qwen2'));
  }, /qwen2 with 0 experts/);
  refuses(({ metadata }) => {
    metadata.set('llama.expert_count', uint32Value(4));
    metadata.set('llama.expert_used_count', uint32Value(2));
  }, /llama with 4 experts/);
});

test('filler tokens need an embedding that can hold their mark', () => {
  const model = tinyModel();
  model.tensors[0] = zeros('token_embd.weight', 'Q8_0', 32, 285);
  const path = writtenModel(model, 'quantised.gguf');
  const larger = { blockCount: 2, embeddingLength: 64 };
  assert.doesNotThrow(() => inflate(path, inFolder('larger.gguf'), larger));
  assert.throws(() => inflate(path, inFolder('none.gguf'), { ...larger, vocabSize: 300 }), {
    code: 'model-unsupported',
    message: /token_embd.weight is Q8_0/,
  });
});

test('sizes of a random model that do not fit each other are the caller to mend', () => {
  const tokenizerFrom = writtenModel(tinyModel(), 'source.gguf');
  const fine: RandomModelOptions = {
    embeddingLength: 64,
    blockCount: 2,
    headCount: 4,
    headCountKv: 2,
    feedForwardLength: 96,
    vocabSize: 300,
    contextLength: 64,
    tokenizerFrom,
    seed: 1,
  };
  writeRandomModel(inFolder('random.gguf'), fine);
  assert.equal(checkModelFile(inFolder('random.gguf')).vocabSize, 300);
  const wrong: readonly (readonly [Partial<RandomModelOptions>, RegExp])[] = [
    [{ headCount: 5 }, /headCount 5 of embeddingLength 64/],
    [{ headCount: 64 }, /headCount 64/],
    [{ headCountKv: 3 }, /headCountKv 3 of headCount 4/],
    [{ vocabSize: 100 }, /vocabSize 100, must be at least 285/],
    [{ seed: 0 }, /seed 0/],
    [{ blockCount: 0 }, /blockCount 0/],
  ];
  for (const [change, message] of wrong) {
    const work = () => writeRandomModel(inFolder('none.gguf'), { ...fine, ...change });
    assert.throws(work, { code: 'usage', message });
  }
});
