// Tests that a model which contradicts itself is refused in words, by the child process that loads
// it first, and leaves this process alone. src/engine/gguf tests what its own checks refuse.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PilotfishError } from '../../base/error.js';
import { textValue, uint32Value } from '../gguf/encode.js';
import { numberArray } from '../gguf/encode.suite.js';
import {
  both,
  type Change,
  drop,
  endingIn,
  malformed,
  renamed,
  retype,
  set,
} from '../gguf/malformed.suite.js';
import { zeros } from '../gguf/tiny-model.suite.js';
import { loadLlamaEngine } from './llama-engine.js';

const setCount = (key: string, count: number): Change => set(`llama.${key}`, uint32Value(count));
const blocks = [0, 1];

/** Key and value matrices of so many columns in both blocks. */
const withKeyWidth = (width: number): Change =>
  both(
    ...blocks.flatMap((block) =>
      ['k', 'v'].map((part) => retype(`blk.${block}.attn_${part}.weight`, { dims: [32, width] })),
    ),
  );

/** Eight experts in both blocks in place of the feed-forward. */
const withExperts = (...spoils: Change[]): Change =>
  both(
    ({ tensors }) => {
      const dense = /\.ffn_(gate|up|down)\./;
      const kept = tensors.filter(({ name }) => !dense.test(name));
      tensors.splice(0, tensors.length, ...kept);
      for (const block of blocks) {
        const at = (part: string) => `blk.${block}.ffn_${part}.weight`;
        tensors.push(
          zeros(at('gate_inp'), 'F32', 32, 8),
          zeros(at('gate_exps'), 'F16', 32, 64, 8),
          zeros(at('up_exps'), 'F16', 32, 64, 8),
          zeros(at('down_exps'), 'F16', 64, 32, 8),
        );
      }
    },
    setCount('expert_count', 8),
    setCount('expert_used_count', 2),
    ...spoils,
  );

const spoiled: readonly (readonly [what: string, spoil: Change, message: RegExp])[] = [
  // Heads.
  [
    'no heads',
    setCount('attention.head_count', 0),
    /'blk.0.attn_q.weight' has wrong shape; expected +32, +0,/,
  ],
  [
    'groups that the matrices do not have',
    setCount('attention.head_count_kv', 3),
    /'blk.0.attn_k.weight' has wrong shape; expected +32, +24,/,
  ],
  [
    'uneven groups',
    both(setCount('attention.head_count_kv', 3), withKeyWidth(24)),
    /crashes.*GGML_ASSERT\(ggml_can_mul_mat\(k, q\)\)/,
  ],
  [
    'more groups than heads',
    both(setCount('attention.head_count_kv', 8), withKeyWidth(64)),
    /crashes.*GGML_ASSERT\(ggml_can_mul_mat\(k, q\)\)/,
  ],
  [
    'half a head rotated',
    setCount('rope.dimension_count', 4),
    /hyperparameters: invalid n_rot: 4, expected 8/,
  ],
  [
    'half a head rotated in another architecture',
    both(renamed('smollm3'), set('smollm3.rope.dimension_count', uint32Value(4))),
    /crashes.*smollm3.cpp.*GGML_ASSERT\(n_embd_head == n_rot\)/,
  ],
  [
    'unequal keys and values',
    setCount('attention.value_length', 16),
    /'blk.0.attn_v.weight' has wrong shape/,
  ],
  [
    'unknown scaling',
    set('llama.rope.scaling.type', textValue('x')),
    /crashes.*rope_scaling_type_train != LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED/,
  ],
  // Experts.
  [
    'experts unused',
    withExperts(drop('llama.expert_used_count')),
    /crashes.*GGML_ASSERT\(n_expert_used_max > 0\)/,
  ],
  [
    'more experts used than there are',
    withExperts(setCount('expert_used_count', 9)),
    /crashes.*GGML_ASSERT\(n_expert_used_max <= hparams.n_expert\)/,
  ],
  [
    'experts from nowhere',
    setCount('expert_used_count', 2),
    /crashes.*GGML_ASSERT\(n_expert_used_max <= hparams.n_expert\)/,
  ],
  [
    'groups without experts',
    setCount('expert_group_count', 1),
    /crashes.*GGML_ASSERT\(hparams.n_expert_groups == 0\)/,
  ],
  [
    'uneven expert groups',
    withExperts(setCount('expert_group_count', 3), setCount('expert_group_used_count', 1)),
    /crashes.*GGML_ASSERT\(hparams.n_expert % hparams.n_expert_groups == 0\)/,
  ],
  [
    'a group for each expert',
    withExperts(setCount('expert_group_count', 8), setCount('expert_group_used_count', 2)),
    /crashes.*GGML_ASSERT\(hparams.n_expert_groups < hparams.n_expert\)/,
  ],
  [
    'no expert group left out',
    withExperts(setCount('expert_group_count', 4), setCount('expert_group_used_count', 4)),
    /crashes.*GGML_ASSERT\(hparams.n_group_used < hparams.n_expert_groups\)/,
  ],
  [
    'a mixture without experts',
    both(renamed('qwen3moe'), ({ tensors }) =>
      tensors.push(
        ...blocks.flatMap((block) =>
          ['q', 'k'].map((part) => zeros(`blk.${block}.attn_${part}_norm.weight`, 'F32', 8)),
        ),
      ),
    ),
    /'blk.0.ffn_gate_inp.weight' not found/,
  ],
  // Tokens.
  [
    'two tokens of one text',
    endingIn('a'),
    /crashes.*id_to_token.size\(\) == token_to_id.size\(\)/,
  ],
  ['equal up to a NUL', endingIn('a\0b'), /crashes.*id_to_token.size\(\) == token_to_id.size\(\)/],
  [
    'an empty token beside its stand-in',
    endingIn('[EMPTY_284]', ''),
    /crashes.*id_to_token.size\(\) == token_to_id.size\(\)/,
  ],
  [
    'too few scores',
    set('tokenizer.ggml.scores', numberArray('float32', [0])),
    /vocabulary: Index out of array bounds for scores \(1 < 285\)/,
  ],
  [
    'too few kinds',
    set('tokenizer.ggml.token_type', numberArray('int32', [1])),
    /vocabulary: Index out of array bounds for toktypes \(1 < 285\)/,
  ],
  [
    'kinds as bytes',
    set('tokenizer.ggml.token_type', numberArray('uint8', [1])),
    /vocabulary: invalid gguf type for tokenizer.ggml.token_type/,
  ],
  [
    'byte pairs without merges',
    set('tokenizer.ggml.model', textValue('gpt2')),
    /vocabulary: cannot find tokenizer merges in model file/,
  ],
  // Tensors.
  ['no embedding', ({ tensors }) => tensors.shift(), /'token_embd.weight' not found/],
  [
    'rows of another width',
    retype('token_embd.weight', { dims: [64, 285] }),
    /'token_embd.weight' has wrong shape; expected +32, +285, got +64,/,
  ],
  [
    'rows of another vocabulary',
    retype('token_embd.weight', { dims: [32, 284] }),
    /'token_embd.weight' has wrong shape; expected +32, +285, got +32, +284,/,
  ],
  [
    'a block too many',
    ({ tensors }) => tensors.push(zeros('blk.2.attn_norm.weight', 'F32', 32)),
    /wrong number of tensors; expected 21, got 20/,
  ],
  [
    'NVFP4 with scale and bias',
    both(retype('blk.0.ffn_down.weight', { type: 'NVFP4' }), ({ tensors }) =>
      tensors.push(
        zeros('blk.0.ffn_down.scale', 'F32', 1),
        zeros('blk.0.ffn_down.bias', 'F32', 32),
      ),
    ),
    /crashes.*down->type != GGML_TYPE_NVFP4/,
  ],
];

const load = (path: string) =>
  loadLlamaEngine({ modelPath: path, contextLength: 64, passTokensMax: 16, threads: 1 });

describe('a model that contradicts itself is refused by the probe', () => {
  for (const [what, spoil, message] of spoiled) {
    it(what, async () => {
      const path = malformed(spoil);
      await assert.rejects(load(path), (error: PilotfishError) => {
        assert.equal(error.code, 'model-malformed', error.message);
        assert.match(error.message, message);
        assert.ok(error.message.includes(path), error.message);
        return true;
      });
    });
  }
});

describe('a model that is sound is loaded', () => {
  for (const [what, change] of [
    ['the model that the others are made of', () => undefined],
    ['a mixture of experts', withExperts()],
    ['another architecture', renamed('smollm3')],
  ] as const) {
    it(what, async () => (await load(malformed(change))).close());
  }
});
