// Tests the facts reported about an intact model file, and that harmless oddities are accepted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textValue, uint32Value } from './encode.js';
import { boolValue, numberArray } from './encode.suite.js';
import {
  both,
  type Change,
  drop,
  endingIn,
  malformed,
  renamed,
  retype,
  set,
  withTokens,
} from './malformed.suite.js';
import { checkModelFile } from './model-file.js';
import { tinySizes, tinyTokens, zeros } from './tiny-model.suite.js';

test('the facts of a sound file are those it was made with', () => {
  const { path, ...facts } = checkModelFile(
    malformed(set('tokenizer.chat_template', textValue('{{x}}'))),
  );
  assert.ok(facts.fileBytes >= facts.tensorBytes + facts.headerBytes);
  const { fileBytes, tensorBytes, headerBytes, parameterCount, ...rest } = facts;
  assert.deepEqual(rest, {
    architecture: 'llama',
    name: 'tiny',
    vocabSize: 285,
    contextLength: 64,
    blockCount: 2,
    embeddingLength: 32,
    imageWidth: 32,
    feedForwardLength: 64,
    headCount: 4,
    headCountKv: 2,
    expertCount: 0,
    tokenizerModel: 'llama',
    chatTemplate: '{{x}}',
    quantisation: 'F16',
    // 2 blocks x 2 key-value heads x (8 + 8) numbers; heads of 8 do not fill a block of Q8_0.
    kvBytesPerToken: { f16: 128, q8_0: null },
  });
  const matrices = 285 * 32 + 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64);
  assert.equal(parameterCount, matrices + 5 * 32);
  assert.equal(tensorBytes, 2 * matrices + 4 * 5 * 32);
});

test('a head that is the embedding written twice counts once, another one for itself', () => {
  const rows = 285 * tinySizes.width;
  const head = zeros('output.weight', 'F16', tinySizes.width, 285);
  const other = {
    ...head,
    pieces: () => [new Uint8Array(2 * rows - 1), Uint8Array.of(1)],
  };
  const add = (tensor: typeof head): Change => {
    return ({ tensors }) => tensors.push(tensor);
  };
  const count = (...spoils: Change[]): number =>
    checkModelFile(malformed(...spoils)).parameterCount;
  const counts = [count(), count(add(head)), count(add(other))];
  assert.deepEqual(counts, [counts[0], counts[0], counts[0]! + rows]);
});

test('a cache of Q8_0 is priced where heads fill its blocks', () => {
  const path = malformed(
    set('llama.attention.head_count', uint32Value(1)),
    set('llama.attention.head_count_kv', uint32Value(1)),
    set('llama.rope.dimension_count', uint32Value(32)),
  );
  assert.deepEqual(checkModelFile(path).kvBytesPerToken, { f16: 256, q8_0: 136 });
});

test('a file without a name goes by the name of the file', () => {
  assert.equal(checkModelFile(malformed(drop('general.name'))).name, 'model.gguf');
});

test('heads given block by block are read block by block', () => {
  const facts = checkModelFile(
    malformed(
      set('llama.attention.head_count', numberArray('uint32', [4, 4])),
      set('llama.attention.head_count_kv', numberArray('int32', [2, 1])),
    ),
  );
  assert.deepEqual([facts.headCount, facts.headCountKv], [4, 2]);
  assert.equal(facts.kvBytesPerToken.f16, 3 * 16 * 2);
});

test('what other models do is no reason to refuse', () => {
  const fine: readonly (readonly [string, Change])[] = [
    [
      'values wider than keys where the architecture knows them',
      both(renamed('mimo2'), set('mimo2.attention.value_length', uint32Value(16))),
    ],
    [
      'part of a head rotated where the architecture knows it',
      both(renamed('phi2'), set('phi2.rope.dimension_count', uint32Value(4))),
    ],
    [
      'a vocabulary that spells bytes as letters',
      withTokens(tinyTokens().map((text, id) => (id === 13 ? '\n' : text))),
    ],
    ['one empty token', endingIn('')],
    ['tokens that are no UTF-8', endingIn(Buffer.from([0xff, 0xfe]))],
    [
      'no start token where none is added',
      both(
        set('tokenizer.ggml.add_bos_token', boolValue(false)),
        drop('tokenizer.ggml.bos_token_id'),
      ),
    ],
    [
      'more scores than tokens',
      set('tokenizer.ggml.scores', numberArray('float32', new Float32Array(300))),
    ],
    [
      'an end token that llama.cpp assumes',
      both(
        set('tokenizer.ggml.add_eos_token', boolValue(true)),
        drop('tokenizer.ggml.eos_token_id'),
      ),
    ],
    [
      'a lone expert that is none',
      both(renamed('hunyuan-dense'), set('hunyuan-dense.expert_count', uint32Value(1))),
    ],
    [
      'a first block without attention among recurrent ones',
      both(
        renamed('lfm2'),
        set('lfm2.attention.head_count', numberArray('uint32', [0, 4])),
        set('lfm2.attention.head_count_kv', numberArray('uint32', [0, 2])),
      ),
    ],
    [
      'the gate of a shared expert in F16',
      ({ tensors }) => tensors.push(zeros('blk.0.ffn_gate_inp_shexp.weight', 'F16', 32)),
    ],
    ['one file of one', set('split.count', { type: 'uint16', value: 1 })],
    [
      'experts',
      both(
        set('llama.expert_count', uint32Value(8)),
        set('llama.expert_used_count', uint32Value(2)),
      ),
    ],
    ['a quantised matrix', retype('blk.0.attn_q.weight', { type: 'Q8_0' })],
  ];
  for (const [what, change] of fine) {
    assert.doesNotThrow(() => checkModelFile(malformed(change)), what);
  }
});
