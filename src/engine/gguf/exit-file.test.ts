// Tests exit head files: intact ones are read unchanged; damaged, hostile or foreign ones are
// refused with a reason before llama.cpp sees them.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type ErrorCode, PilotfishError } from '../../base/error.js';
import { float32Value, textValue, uint32Value } from './encode.js';
import { checkExitFile, checkExitFits, exitTensorDims, vocabularyDigest } from './exit-file.js';
import { exitOutputOf, writeExitModel } from './exit-model.js';
import type { GgufValue, TensorType } from './format.js';
import { checkModelFile } from './model-file.js';
import { readGguf } from './reader.js';
import { inFolder, writtenModel } from './test-file.suite.js';
import { type TinyModel, tinyModel, tinySizes, zeros } from './tiny-model.suite.js';
import { type TensorSource, writeGguf } from './writer.js';

const { width } = tinySizes;
const feedForward = 16;

interface Changes {
  readonly metadata?: Readonly<Record<string, GgufValue | null>>;
  readonly tensors?: (sources: TensorSource[]) => TensorSource[];
}

function writeHead({ metadata = {}, tensors = (sources) => sources }: Changes = {}): string {
  const path = inFolder('head.gguf');
  const entries: Record<string, GgufValue | null> = {
    'general.type': textValue('exit-head'),
    'general.name': textValue('a head'),
    'exit.version': uint32Value(1),
    'exit.layer': uint32Value(1),
    'exit.target_block_count': uint32Value(2),
    'exit.embedding_length': uint32Value(width),
    'exit.feed_forward_length': uint32Value(feedForward),
    'exit.vocabulary_sha256': textValue('f00d'),
    'exit.sharpness': float32Value(0.5),
    'exit.coverage': float32Value(0.75),
    ...metadata,
  };
  const kept = Object.entries(entries).filter((entry): entry is [string, GgufValue] => !!entry[1]);
  const sources = Object.entries(exitTensorDims(width, feedForward)).map(([name, dims]) =>
    zeros(name, dims.length === 1 ? 'F32' : 'F16', ...dims),
  );
  writeGguf(path, new Map(kept), tensors(sources));
  return path;
}

function refuses(code: ErrorCode, pattern: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof PilotfishError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  });
}

const replaced =
  (name: string, dims: readonly number[], type: TensorType) => (all: TensorSource[]) =>
    all.map((source) => (source.name === name ? zeros(name, type, ...dims) : source));

describe('exit head files', () => {
  it('say what they hold', () => {
    const { header, path, ...facts } = checkExitFile(writeHead());
    assert.deepEqual(facts, {
      name: 'a head',
      layer: 1,
      targetBlockCount: 2,
      embeddingLength: width,
      feedForwardLength: feedForward,
      vocabularyDigest: 'f00d',
      sharpness: 0.5,
      coverage: 0.75,
    });
  });

  const cases: [name: string, code: ErrorCode, pattern: RegExp, changes: Changes][] = [
    ['another kind', 'exit-head-mismatch', /no exit head/, { metadata: { 'general.type': null } }],
    [
      'a newer version',
      'model-malformed',
      /exit.version is 2/,
      { metadata: { 'exit.version': uint32Value(2) } },
    ],
    [
      'a layer beyond the target',
      'model-malformed',
      /layer is 2 of 2/,
      { metadata: { 'exit.layer': uint32Value(2) } },
    ],
    [
      'layer 0',
      'model-malformed',
      /exit.layer is 0/,
      { metadata: { 'exit.layer': uint32Value(0) } },
    ],
    [
      'a sharpness that is no number',
      'model-malformed',
      /sharpness is NaN/,
      { metadata: { 'exit.sharpness': float32Value(Number.NaN) } },
    ],
    [
      'no coverage',
      'model-malformed',
      /coverage is missing/,
      { metadata: { 'exit.coverage': null } },
    ],
    [
      'no digest',
      'model-malformed',
      /sha256 is missing/,
      { metadata: { 'exit.vocabulary_sha256': null } },
    ],
    [
      'a missing tensor',
      'model-malformed',
      /ffn_norm.weight is missing/,
      { tensors: (all) => all.slice(1) },
    ],
    [
      'a tensor too many',
      'model-malformed',
      /"blk.0.attn_q.weight" is none/,
      { tensors: (all) => [...all, zeros('blk.0.attn_q.weight', 'F16', width, 8)] },
    ],
    [
      'a transposed matrix',
      'model-malformed',
      /is 32 x 16, must be 16 x 32/,
      { tensors: replaced('exit.ffn_down.weight', [width, feedForward], 'F16') },
    ],
    [
      'a norm of half precision',
      'model-malformed',
      /type F16, must be F32/,
      { tensors: replaced('exit.ffn_norm.weight', [width], 'F16') },
    ],
    [
      'a matrix of integers',
      'model-malformed',
      /type I32, must be/,
      { tensors: replaced('exit.ffn_up.weight', [width, feedForward], 'I32') },
    ],
  ];
  for (const [name, code, pattern, changes] of cases) {
    it(`are refused with ${name}`, () => {
      const path = writeHead(changes);
      refuses(code, pattern, () => checkExitFile(path));
    });
  }

  it('are refused wherever they are cut', () => {
    const whole = readFileSync(writeHead());
    const path = inFolder('cut.gguf');
    for (let length = 0; length < whole.length; length += 97) {
      writeFileSync(path, whole.subarray(0, length));
      assert.throws(() => checkExitFile(path), PilotfishError, `${length} bytes`);
    }
  });

  it('are refused or read, never worse, with a byte changed', () => {
    const whole = readFileSync(writeHead());
    const path = inFolder('changed.gguf');
    const headerBytes = readGguf(writeHead()).dataOffset;
    for (let at = 0; at < headerBytes; at += 3) {
      const changed = Buffer.from(whole);
      changed[at] = changed[at]! ^ 0xff;
      writeFileSync(path, changed);
      try {
        checkExitFile(path);
      } catch (reason) {
        assert.ok(reason instanceof PilotfishError, `byte ${at}: ${reason}`);
      }
    }
  });
});

describe('exit heads and their targets', () => {
  const target = (change: (model: TinyModel) => void = () => {}) => {
    const model = tinyModel();
    change(model);
    const path = writtenModel(model, 'target.gguf');
    return { facts: checkModelFile(path), header: readGguf(path) };
  };
  const digest = vocabularyDigest(target().header)!;
  const head = (metadata: Changes['metadata'] = {}) =>
    checkExitFile(
      writeHead({ metadata: { 'exit.vocabulary_sha256': textValue(digest), ...metadata } }),
    );

  it('fit where width, blocks and vocabulary agree', () => {
    const { facts, header } = target();
    assert.doesNotThrow(() => checkExitFits(head(), facts, header));
  });

  it('do not fit a target of other blocks or another vocabulary', () => {
    const { facts, header } = target();
    const other = { 'exit.target_block_count': uint32Value(3) };
    refuses('exit-head-mismatch', /blocks 3; .* has 2$/, () =>
      checkExitFits(head(other), facts, header),
    );
    const foreign = { 'exit.vocabulary_sha256': textValue('f00d') };
    refuses('exit-head-mismatch', /vocabulary f00d/, () =>
      checkExitFits(head(foreign), facts, header),
    );
    refuses('exit-head-mismatch', /embedding length 32; .* has 64$/, () =>
      checkExitFits(head(), { ...facts, embeddingLength: 64 }, header),
    );
  });

  it('cannot end like a target that scales its logits or adds to them', () => {
    const scaled = target(({ metadata }) => metadata.set('llama.logit_scale', float32Value(0.5)));
    refuses('model-unsupported', /llama.logit_scale/, () =>
      exitOutputOf(scaled.header, scaled.facts),
    );
    const biased = target(({ tensors }) => tensors.push(zeros('output_norm.bias', 'F32', width)));
    refuses('model-unsupported', /output_norm.bias/, () =>
      exitOutputOf(biased.header, biased.facts),
    );
  });

  it('make a model of eleven tensors, the first of them the output of the target', () => {
    const { facts, header } = target();
    for (const exit of [head(), null]) {
      const path = inFolder('composed.gguf');
      writeExitModel(path, header, facts, exit);
      const { tensors } = readGguf(path);
      const [output] = tensors;
      assert.deepEqual(output!.dims, [width, facts.vocabSize]);
      assert.equal(tensors.length, 11);
    }
  });
});
