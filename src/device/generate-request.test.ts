// Checks the defaults of a request, and what is refused before anything is sent.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createScriptedEngine } from '../engine/scripted-engine.js';
import { plainSampling } from '../math/sampling.js';
import { type GenerateOptions, type RequestContext, requestOf } from './generate-request.js';

const { vocabulary } = createScriptedEngine().info;
const context: RequestContext = {
  ...{ hasDrafter: true, fallback: 'provisional', vocabulary, formats: null },
};
const least: GenerateOptions = {
  ...{ ids: Int32Array.of(0, 3), sampling: plainSampling, tokensMax: 5 },
};
const warm = { ...plainSampling, temperature: 0.8 };

describe('a request', () => {
  it('is verified by argmax at temperature 0, and coupled at any other', () => {
    const cold = { ...plainSampling, temperature: 0 };
    assert.equal(requestOf({ ...least, sampling: cold }, context).scheme, 'greedy');
    assert.equal(requestOf({ ...least, sampling: warm }, context).scheme, 'coupled');
  });

  it('is in auto where its scheme can, and has the mode it asks for unless nothing drafts', () => {
    const modeOf = (options: Partial<GenerateOptions>, hasDrafter = true): string =>
      requestOf({ ...least, ...options }, { ...context, hasDrafter }).mode;
    assert.equal(modeOf({}), 'auto');
    assert.equal(modeOf({ scheme: 'split' }), 'pipeline');
    assert.equal(modeOf({ mode: 'stop-and-wait' }), 'stop-and-wait');
    assert.equal(modeOf({ mode: 'stop-and-wait' }, false), 'stream');
    assert.equal(modeOf({ scheme: 'split' }, false), 'stream');
    assert.equal(modeOf({}, false), 'auto');
    assert.equal(modeOf({ mode: 'co-located' }, false), 'co-located');
  });

  it('has the fallback of its client unless it names one, and a seed of its own', () => {
    assert.equal(requestOf(least, context).fallback, 'provisional');
    assert.equal(requestOf({ ...least, fallback: 'fail' }, context).fallback, 'fail');
    assert.equal(requestOf({ ...least, seed: 7n }, context).seed, 7n);
    assert.notEqual(requestOf(least, context).seed, requestOf(least, context).seed);
  });

  it('is of ids wherever text can be made into them here', () => {
    const { ids, ...rest } = least;
    const text = { ...rest, prompt: 'rain' };
    assert.equal(requestOf(text, context).prompt.kind, 'ids');
    assert.equal(requestOf(text, { ...context, vocabulary: null }).prompt.kind, 'text');
    const messages = { ...rest, messages: [{ role: 'user', content: 'rain' }] };
    assert.equal(requestOf(messages, context).prompt.kind, 'messages');
  });

  for (const [change, says] of [
    [{ tokensMax: 0 }, /tokensMax 0/],
    [{ windowMax: 1.5 }, /windowMax 1.5/],
    [{ seed: -1n }, /seed -1/],
    [{ scheme: 'full', mode: 'race' }, /race does not go with scheme full; pipeline, /],
    [{ prompt: 'and ids' }, /give one of/],
    [{ stops: [''] }, /stop/],
    [{ topLogprobs: 21 }, /topLogprobs 21/],
  ] as const) {
    it(`with ${Object.keys(change).join(' and ')} out of bounds is refused: ${says}`, () => {
      assert.throws(() => requestOf({ ...least, ...change } as GenerateOptions, context), says);
    });
  }
});
