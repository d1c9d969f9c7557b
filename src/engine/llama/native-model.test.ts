// What happens to native memory when a model is refused after it has loaded, with llama.cpp's calls
// stood in for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Llama } from './ffi/llama.js';
import { NativeModel } from './native-model.js';
import { resolveOptions } from './options.js';

const options = resolveOptions({ modelPath: 'model.gguf', threads: 1 }, 512);

/**
 * A library that loads a model at address 7, which nothing can be done with unless `changes` say
 * so.
 */
function standIn(freed: unknown[], changes: Partial<Llama>): Llama {
  const no = (): boolean => false;
  const calls: Partial<Llama> = {
    model_default_params: () => ({}) as ReturnType<Llama['model_default_params']>,
    context_default_params: () => ({}) as ReturnType<Llama['context_default_params']>,
    model_load_from_file: () => 7n,
    model_free: (model) => freed.push(model),
    model_has_decoder: () => true,
    model_has_encoder: no,
    model_is_diffusion: no,
    model_is_recurrent: no,
    model_is_hybrid: no,
    init_from_model: () => null,
    ...changes,
  };
  return calls as Llama;
}

test('a model of a kind that cannot be rolled back is freed, once', () => {
  const freed: unknown[] = [];
  const llama = standIn(freed, { model_is_recurrent: () => true });
  assert.throws(() => new NativeModel(llama, options), {
    code: 'model-unsupported',
    message: /model\.gguf keeps recurrent state/,
  });
  assert.deepEqual(freed, [7n]);
});

test('a model without memory for its context is freed, once', () => {
  const freed: unknown[] = [];
  assert.throws(() => new NativeModel(standIn(freed, {}), options), {
    code: 'context-too-large',
    message: /1 slots of 512 tokens/,
  });
  assert.deepEqual(freed, [7n]);
});
