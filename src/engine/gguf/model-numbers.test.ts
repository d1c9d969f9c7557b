// Tests that metadata that is missing, out of range or contradictory is refused, by code and by
// name.

import { test } from 'node:test';
import { float32Value, textValue, uint32Value } from './encode.js';
import { numberArray } from './encode.suite.js';
import { both, drop, type Refusal, refusesEach, renamed, set } from './malformed.suite.js';

const big = uint32Value(2 ** 32 - 1);
const refusals: readonly Refusal[] = [
  // Missing keys.
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
    'more blocks that images feed than blocks',
    set('llama.n_deepstack_layers', uint32Value(3)),
    'model-malformed',
    /n_deepstack_layers is 3, must be in \[0, 2\]/,
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
    'more heads than width',
    set('llama.attention.head_count', uint32Value(64)),
    'model-malformed',
    /dimension_count is 8, must be even and at most 0/,
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
    'only look-ahead blocks',
    set('llama.nextn_predict_layers', uint32Value(2)),
    'model-malformed',
    /2 of 2 blocks/,
  ],
  [
    'experts weighed in an unknown way',
    set('llama.expert_gating_func', uint32Value(5)),
    'model-malformed',
    /expert_gating_func is 5, must be in \[0, 4\]/,
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
];

test('a model whose numbers cannot be is refused with its code and in words', () => {
  refusesEach(refusals);
});
