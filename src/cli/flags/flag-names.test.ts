// Checks that messages name flags, not options of the API, and that no other word or path is
// replaced.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorTable } from '../../base/error.js';
import { resolveOptions } from '../../engine/llama/options.js';
import { checkSampling, plainSampling } from '../../math/sampling.js';
import { withFlagNames } from './flag-names.js';

const messageOf = (fails: () => unknown): string => {
  try {
    fails();
  } catch (reason) {
    return withFlagNames((reason as Error).message);
  }
  assert.fail('nothing was refused');
};

test('every parameter of a law is named by its flag', () => {
  const wrong = {
    temperature: -1,
    topK: -1,
    topP: 0,
    minP: 2,
    repetitionPenalty: 0,
    presencePenalty: Number.NaN,
    frequencyPenalty: Number.NaN,
  };
  for (const [name, value] of Object.entries(wrong)) {
    const message = messageOf(() => checkSampling({ ...plainSampling, [name]: value }, 100));
    assert.match(message, /^--[a-z-]+ /, name);
  }
  const bias = new Map([[200, 1]]);
  assert.match(
    messageOf(() => checkSampling({ ...plainSampling, logitBias: bias }, 100)),
    /^--logit-bias token 200 is outside/,
  );
});

test('so is every setting of an engine that has a flag', () => {
  const options = (changes: object) => () => resolveOptions({ modelPath: 'x', ...changes }, 512);
  assert.match(messageOf(options({ contextLength: 4 })), /^--ctx-size 4 is outside/);
  assert.match(messageOf(options({ threads: 0 })), /^--threads 0 is outside/);
  assert.match(messageOf(options({ slotCount: 999 })), /^--slots 999 is outside/);
  assert.equal(
    messageOf(options({ cacheTypeV: 'q8_0', flashAttention: 'off' })),
    '--cache-type-v q8_0 needs flash attention, but --flash-attn is off',
  );
});

test('prose and paths stay as they are', () => {
  for (const text of ['at temperature 1 threads rest', '/models/topP.gguf: no', "no file 'topK'"]) {
    assert.equal(withFlagNames(text), text);
  }
  assert.equal(withFlagNames('stopped by the caller'), 'stopped with Ctrl-C');
  assert.match(
    withFlagNames(errorTable['address-unavailable'].remedy),
    /--port \(device: --http-host or --http\)/,
  );
});
