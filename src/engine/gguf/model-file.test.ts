import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode, PilotfishError } from '../../base/error.js';
import {
  boolValue,
  float32Value,
  numberArray,
  textArray,
  textValue,
  uint32Value,
} from './encode.js';
import type { GgufValue } from './format.js';
import { checkModelFile } from './model-file.js';
import { type TinyModel, tinyModel, tinySizes, tinyTokens, zeros } from './tiny-model.suite.js';
import { writtenModel } from './written.suite.js';

type Spoil = (model: TinyModel) => void;

function spoiled(...spoils: Spoil[]): string {
  const model = tinyModel();
  for (const spoil of spoils) spoil(model);
  return writtenModel(model);
}

const set =
  (key: string, value: GgufValue): Spoil =>
  ({ metadata }) =>
    metadata.set(key, value);
const drop =
  (key: string): Spoil =>
  ({ metadata }) =>
    metadata.delete(key);
const retype =
  (
    name: string,
    change: Partial<{ type: 'F16' | 'F32' | 'I32' | 'Q8_0' | 'NVFP4'; dims: number[] }>,
  ): Spoil =>
  ({ tensors }) => {
    const at = tensors.findIndex((tensor) => tensor.name === name);
    const { type, dims } = { ...tensors[at]!, ...change };
    tensors[at] = zeros(name, type, ...dims);
  };
const withTokens = (tokens: readonly (string | Uint8Array)[]): Spoil => {
  return ({ metadata, tensors }) => {
    metadata.set('tokenizer.ggml.tokens', textArray(tokens));
    tensors[0] = zeros('token_embd.weight', 'F16', tinySizes.width, tokens.length);
  };
};
/** The tokens with the last ones replaced. */
const endingIn = (...last: (string | Uint8Array)[]): Spoil =>
  withTokens([...tinyTokens().slice(0, -last.length), ...last]);
const both =
  (...spoils: Spoil[]): Spoil =>
  (model) => {
    for (const spoil of spoils) spoil(model);
  };
const renamed = (architecture: string): Spoil => {
  return ({ metadata }) => {
    for (const [key, value] of [...metadata]) {
      metadata.delete(key);
      metadata.set(key.replace(/^llama\./, `${architecture}.`), value);
    }
    metadata.set('general.architecture', textValue(architecture));
  };
};

test('the facts of a sound file are those it was made with', () => {
  const { path, ...facts } = checkModelFile(
    spoiled(set('tokenizer.chat_template', textValue('{{x}}'))),
  );
  assert.ok(facts.fileBytes > facts.tensorBytes);
  const { fileBytes, tensorBytes, parameterCount, ...rest } = facts;
  assert.deepEqual(rest, {
    architecture: 'llama',
    name: 'tiny',
    vocabSize: 285,
    contextLength: 64,
    blockCount: 2,
    embeddingLength: 32,
    feedForwardLength: 64,
    headCount: 4,
    headCountKv: 2,
    expertCount: 0,
    rollback: 'any',
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
  const add = (tensor: typeof head): Spoil => {
    return ({ tensors }) => tensors.push(tensor);
  };
  const count = (...spoils: Spoil[]): number => checkModelFile(spoiled(...spoils)).parameterCount;
  const counts = [count(), count(add(head)), count(add(other))];
  assert.deepEqual(counts, [counts[0], counts[0], counts[0]! + rows]);
});

test('a cache of Q8_0 is priced where heads fill its blocks', () => {
  const path = spoiled(
    set('llama.attention.head_count', uint32Value(1)),
    set('llama.attention.head_count_kv', uint32Value(1)),
    set('llama.rope.dimension_count', uint32Value(32)),
  );
  assert.deepEqual(checkModelFile(path).kvBytesPerToken, { f16: 256, q8_0: 136 });
});

test('a file without a name goes by the name of the file', () => {
  assert.equal(checkModelFile(spoiled(drop('general.name'))).name, 'model.gguf');
});

test('heads given block by block are read block by block', () => {
  const facts = checkModelFile(
    spoiled(
      set('llama.attention.head_count', numberArray('uint32', [4, 4])),
      set('llama.attention.head_count_kv', numberArray('int32', [2, 1])),
    ),
  );
  assert.deepEqual([facts.headCount, facts.headCountKv], [4, 2]);
  assert.equal(facts.kvBytesPerToken.f16, 3 * 16 * 2);
});

const big = uint32Value(2 ** 32 - 1);
const refusals: readonly (readonly [string, Spoil, ErrorCode, RegExp])[] = [
  // What is missing.
  ...[
    'general.architecture',
    'llama.block_count',
    'llama.embedding_length',
    'llama.context_length',
    'llama.attention.head_count',
    'tokenizer.ggml.model',
    'tokenizer.ggml.tokens',
  ].map(
    (key) => [`no ${key}`, drop(key), 'model-malformed', new RegExp(`${key} is missing`)] as const,
  ),
  // Numbers out of range or of another type.
  [
    'no blocks',
    set('llama.block_count', uint32Value(0)),
    'model-malformed',
    /block_count is 0, must be in \[1, 512\]/,
  ],
  [
    '513 blocks',
    set('llama.block_count', uint32Value(513)),
    'model-malformed',
    /block_count is 513/,
  ],
  [
    'blocks as text',
    set('llama.block_count', textValue('2')),
    'model-malformed',
    /has type string, must be uint32/,
  ],
  [
    'blocks as int32',
    set('llama.block_count', { type: 'int32', value: 2 }),
    'model-malformed',
    /has type int32/,
  ],
  [
    'no width',
    set('llama.embedding_length', uint32Value(0)),
    'model-malformed',
    /embedding_length is 0/,
  ],
  [
    'endless width',
    set('llama.embedding_length', big),
    'model-malformed',
    /embedding_length is 4294967295/,
  ],
  [
    'no context',
    set('llama.context_length', uint32Value(0)),
    'model-malformed',
    /context_length is 0/,
  ],
  [
    'no heads',
    set('llama.attention.head_count', uint32Value(0)),
    'model-malformed',
    /head_count is 0 in block 0/,
  ],
  [
    'more heads than width',
    set('llama.attention.head_count', uint32Value(64)),
    'model-malformed',
    /less than the number of heads/,
  ],
  [
    'uneven groups',
    set('llama.attention.head_count_kv', uint32Value(3)),
    'model-malformed',
    /4 heads over 3 key-value heads/,
  ],
  [
    'more groups than heads',
    set('llama.attention.head_count_kv', uint32Value(8)),
    'model-malformed',
    /4 heads over 8/,
  ],
  [
    'heads for another number of blocks',
    set('llama.attention.head_count', numberArray('uint32', [4])),
    'model-malformed',
    /has 1 elements, must have one for each of 2/,
  ],
  [
    'negative heads',
    set('llama.attention.head_count_kv', numberArray('int32', [2, -1])),
    'model-malformed',
    /head_count_kv\[1\] is -1/,
  ],
  [
    'heads of floats',
    set('llama.attention.head_count', numberArray('float32', [4, 4])),
    'model-malformed',
    /array of float32/,
  ],
  [
    'negative epsilon',
    set('llama.attention.layer_norm_rms_epsilon', float32Value(-1)),
    'model-malformed',
    /epsilon is -1/,
  ],
  [
    'NaN',
    set('llama.rope.freq_base', float32Value(Number.NaN)),
    'model-malformed',
    /freq_base is NaN/,
  ],
  [
    'infinity',
    set('llama.logit_scale', float32Value(Number.POSITIVE_INFINITY)),
    'model-malformed',
    /logit_scale is Infinity/,
  ],
  [
    'odd rotation',
    set('llama.rope.dimension_count', uint32Value(7)),
    'model-malformed',
    /is 7, must be even/,
  ],
  [
    'no rotation, which never ends',
    both(renamed('phi2'), set('phi2.rope.dimension_count', uint32Value(0))),
    'model-malformed',
    /dimension_count is 0, must be in \[1/,
  ],
  [
    'rotation beyond the head',
    set('llama.rope.dimension_count', uint32Value(10)),
    'model-malformed',
    /at most 8/,
  ],
  [
    'half a head rotated',
    set('llama.rope.dimension_count', uint32Value(4)),
    'model-malformed',
    /is 4, must be 8/,
  ],
  [
    'unequal keys and values',
    set('llama.attention.value_length', uint32Value(16)),
    'model-malformed',
    /keys of 8 and values of 16/,
  ],
  ['no sections', renamed('paddleocr'), 'model-malformed', /dimension_sections is missing/],
  [
    'too few blocks of llama4',
    renamed('llama4'),
    'model-malformed',
    /block_count is 2, must be at least 4/,
  ],
  [
    'sections of nothing',
    both(
      renamed('qwen2vl'),
      set('qwen2vl.rope.dimension_sections', numberArray('int32', [0, 0, 0, 8])),
    ),
    'model-malformed',
    /dimension_sections is \[0, 0, 0, 8\]/,
  ],
  [
    'unknown scaling',
    set('llama.rope.scaling.type', textValue('x')),
    'model-malformed',
    /"x", must be one of none, linear/,
  ],
  [
    'only look-ahead blocks',
    set('llama.nextn_predict_layers', uint32Value(2)),
    'model-malformed',
    /2 of 2 blocks/,
  ],
  [
    'experts unused',
    set('llama.expert_count', uint32Value(4)),
    'model-malformed',
    /0 of 4 experts/,
  ],
  [
    'experts weighed in an unknown way',
    set('llama.expert_gating_func', uint32Value(5)),
    'model-malformed',
    /expert_gating_func is 5, must be in \[0, 4\]/,
  ],
  [
    'experts from nowhere',
    set('llama.expert_used_count', uint32Value(2)),
    'model-malformed',
    /2 of 0 experts/,
  ],
  [
    'groups without experts',
    set('llama.expert_group_count', uint32Value(1)),
    'model-malformed',
    /1 expert groups of 0/,
  ],
  [
    'uneven expert groups',
    both(
      set('llama.expert_count', uint32Value(8)),
      set('llama.expert_used_count', uint32Value(2)),
      set('llama.expert_group_count', uint32Value(3)),
      set('llama.expert_group_used_count', uint32Value(1)),
    ),
    'model-malformed',
    /1 of 3 expert groups used, 8 experts/,
  ],
  [
    'experts that vary',
    both(
      set('llama.expert_count', uint32Value(8)),
      set('llama.expert_used_count', numberArray('uint32', [2, 1])),
    ),
    'model-malformed',
    /expert_used_count differs between blocks/,
  ],
  [
    'a mixture without experts',
    renamed('qwen3moe'),
    'model-malformed',
    /qwen3moe.expert_count is missing or 0/,
  ],
  // Tokenizers.
  [
    'two tokens of one text',
    endingIn('a'),
    'model-malformed',
    /token 284 has the text "a" of an earlier/,
  ],
  ['equal up to a NUL', endingIn('a\0b'), 'model-malformed', /token 284 has the text "a"/],
  [
    'an empty token beside its stand-in',
    endingIn('[EMPTY_284]', ''),
    'model-malformed',
    /token 284 has the text ""/,
  ],
  [
    'no tokens',
    set('tokenizer.ggml.tokens', textArray([])),
    'model-malformed',
    /0 tokens, must be in \[1/,
  ],
  [
    'tokens as numbers',
    set('tokenizer.ggml.tokens', numberArray('int32', [1])),
    'model-malformed',
    /array of int32, must be of string/,
  ],
  [
    'too few scores',
    set('tokenizer.ggml.scores', numberArray('float32', [0])),
    'model-malformed',
    /scores has 1 elements for 285/,
  ],
  [
    'too few kinds',
    set('tokenizer.ggml.token_type', numberArray('int32', [1])),
    'model-malformed',
    /token_type has 1 elements/,
  ],
  [
    'kinds as bytes',
    set('tokenizer.ggml.token_type', numberArray('uint8', [1])),
    'model-malformed',
    /array of uint8, must be of int32/,
  ],
  [
    'a byte without token',
    withTokens(tinyTokens().map((text) => (text === '<0x0A>' ? 'nl' : text))),
    'model-malformed',
    /no token stands for the byte <0x0A>/,
  ],
  [
    'byte pairs without merges',
    set('tokenizer.ggml.model', textValue('gpt2')),
    'model-malformed',
    /merges is missing/,
  ],
  [
    'a start token out of reach',
    both(
      set('tokenizer.ggml.model', textValue('gpt2')),
      set('tokenizer.ggml.merges', textArray(['a b'])),
      set('tokenizer.ggml.bos_token_id', big),
      withTokens(tinyTokens().slice(0, 5)),
    ),
    'model-malformed',
    /no start token: tokenizer.ggml.bos_token_id is 4294967295 of 5/,
  ],
  [
    'a start token that the pre-tokenizer forces',
    both(
      set('tokenizer.ggml.model', textValue('gpt2')),
      set('tokenizer.ggml.merges', textArray(['a b'])),
      set('tokenizer.ggml.pre', textValue('gemma4')),
      set('tokenizer.ggml.add_bos_token', boolValue(false)),
      drop('tokenizer.ggml.bos_token_id'),
      withTokens(tinyTokens().slice(0, 5)),
    ),
    'model-malformed',
    /no start token/,
  ],
  [
    'an end token out of reach',
    both(
      set('tokenizer.ggml.model', textValue('gpt2')),
      set('tokenizer.ggml.merges', textArray(['a b'])),
      set('tokenizer.ggml.add_eos_token', boolValue(true)),
      set('tokenizer.ggml.eos_token_id', big),
      withTokens(tinyTokens().slice(0, 5)),
    ),
    'model-malformed',
    /no end token/,
  ],
  // Tensors.
  [
    'no embedding',
    ({ tensors }) => tensors.shift(),
    'model-malformed',
    /token_embd.weight is missing/,
  ],
  [
    'rows of another width',
    retype('token_embd.weight', { dims: [64, 285] }),
    'model-malformed',
    /rows of 64, embedding_length is 32/,
  ],
  [
    'rows of another vocabulary',
    retype('token_embd.weight', { dims: [32, 284] }),
    'model-malformed',
    /284 rows for 285 tokens/,
  ],
  [
    'a norm in F16',
    retype('output_norm.weight', { type: 'F16' }),
    'model-malformed',
    /"output_norm.weight" is a vector of type F16/,
  ],
  [
    'a quantised norm',
    retype('output_norm.weight', { type: 'Q8_0' }),
    'model-malformed',
    /vector of type Q8_0/,
  ],
  [
    'a bias of experts in F16',
    ({ tensors }) => tensors.push(zeros('blk.0.ffn_up_exps.bias', 'F16', 64, 4)),
    'model-malformed',
    /"blk.0.ffn_up_exps.bias" is a norm or a bias of type F16/,
  ],
  [
    'integers as weights',
    retype('blk.0.attn_q.weight', { type: 'I32' }),
    'model-malformed',
    /type I32, not a type of weights/,
  ],
  [
    'a block too many',
    ({ tensors }) => tensors.push(zeros('blk.2.attn_norm.weight', 'F32', 32)),
    'model-malformed',
    /belongs to none of 2 blocks/,
  ],
  [
    'NVFP4 with scale and bias',
    both(retype('blk.0.ffn_up.weight', { type: 'NVFP4', dims: [64, 64] }), ({ tensors }) =>
      tensors.push(zeros('blk.0.ffn_up.scale', 'F32', 1), zeros('blk.0.ffn_up.bias', 'F32', 64)),
    ),
    'model-malformed',
    /NVFP4 has a scale and a bias/,
  ],
  // What is sound, but no draft and no target.
  ['a projector', renamed('clip'), 'model-unsupported', /"clip" is an image projector/],
  ['an encoder', renamed('bert'), 'model-unsupported', /"bert" is a text encoder/],
  ['half of T5', renamed('t5encoder'), 'model-unsupported', /text encoder/],
  ['T5', renamed('t5'), 'model-unsupported', /encoder-decoder/],
  ['speech', renamed('whisper'), 'model-unsupported', /speech recogniser/],
  ['diffusion', renamed('dream'), 'model-unsupported', /diffusion model/],
  ['recurrence', renamed('mamba'), 'model-unsupported', /recurrent state/],
  ['a helper', renamed('eagle3'), 'model-unsupported', /inside its own target/],
  [
    'nobody knows',
    renamed('madeup'),
    'model-unsupported',
    /"madeup" is not one that llama.cpp v0.5.0 knows/,
  ],
  [
    'no causal attention',
    set('llama.attention.causal', boolValue(false)),
    'model-unsupported',
    /causal is false/,
  ],
  [
    'part of a split model',
    set('split.count', { type: 'uint16', value: 3 }),
    'model-unsupported',
    /split into 3 files.*llama-gguf-split --merge/,
  ],
  ['an adapter', set('general.type', textValue('adapter')), 'model-unsupported', /kind "adapter"/],
  ['a vocabulary alone', ({ tensors }) => tensors.splice(0), 'model-unsupported', /no tensors/],
  [
    'an odd tokenizer',
    set('tokenizer.ggml.model', textValue('bert')),
    'model-unsupported',
    /tokenizer "bert"; llama, gpt2, gemma4, plamo2/,
  ],
  [
    'no tokenizer',
    set('tokenizer.ggml.model', textValue('no_vocab')),
    'model-unsupported',
    /tokenizer "no_vocab"/,
  ],
];

test('every spoiled model is refused with its code and in words', () => {
  for (const [what, spoil, code, message] of refusals) {
    const path = spoiled(spoil);
    assert.throws(
      () => checkModelFile(path),
      (error: PilotfishError) => {
        assert.equal(error.code, code, `${what}: ${error.message}`);
        assert.match(error.message, message, what);
        assert.ok(error.message.startsWith(`${path}: `), what);
        return true;
      },
      what,
    );
  }
});

test('what other models do is no reason to refuse', () => {
  const fine: readonly (readonly [string, Spoil])[] = [
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
    assert.doesNotThrow(() => checkModelFile(spoiled(change)), what);
  }
});

test('an architecture that rolls back a bounded number of tokens says so', () => {
  assert.equal(checkModelFile(spoiled(renamed('lfm2'))).rollback, 'bounded');
});
