// Tests that tokenizers and tensors with which llama.cpp cannot compute, and models that cannot be
// draft or target, are refused by code and by name.

import { test } from 'node:test';
import { textValue, uint32Value } from './encode.js';
import { boolValue, numberArray, textArray } from './encode.suite.js';
import {
  both,
  drop,
  type Refusal,
  refusesEach,
  renamed,
  retype,
  set,
  withTokens,
} from './malformed.suite.js';
import { tinyTokens, zeros } from './tiny-model.suite.js';

const big = uint32Value(2 ** 32 - 1);
const refusals: readonly Refusal[] = [
  // Tokenizers.
  [
    'no tokens',
    set('tokenizer.ggml.tokens', textArray([])),
    'model-malformed',
    /tokenizer.ggml.tokens is empty/,
  ],
  [
    'tokens as numbers',
    set('tokenizer.ggml.tokens', numberArray('int32', [1])),
    'model-malformed',
    /array of int32, must be of string/,
  ],
  [
    'a byte without token',
    withTokens(tinyTokens().map((text) => (text === '<0x0A>' ? 'nl' : text))),
    'model-malformed',
    /no token stands for the byte <0x0A>/,
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
  // Intact models that cannot be draft or target.
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

test('a model with a part that does not fit is refused with its code and in words', () => {
  refusesEach(refusals);
});
