// Tests that long bodies are read as short ones are, and block the caller's thread for none of the
// time that JSON.parse would take.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ask, type OpenApi, openApi, ScriptedGenerator } from '../api.suite.js';
import { readCompletionRequest } from '../completion-request.js';
import { type Body, BodyReader, shortBytes } from './body-reader.js';

const bodyOf = (text: string): Body => ({ bytes: new Uint8Array(Buffer.from(text)) });
const padding = ' '.repeat(shortBytes);

describe('a long body', () => {
  const reader = new BodyReader();
  after(() => reader.close());

  it('becomes the request that a short one becomes', async () => {
    const schema = { type: 'object', properties: { a: { enum: [1, 'é'] } } };
    const asked = {
      ...{ ...ask, prompt: [[1, 2], 'é'.repeat(100)], n: 2, seed: -1, stop: ['a', 'b'] },
      ...{ logit_bias: { '7': -100, '8': 1.5 }, logprobs: 3, stream: true },
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
    };
    const read = await reader.read('completion', bodyOf(padding + JSON.stringify(asked)), null);
    assert.deepEqual(read, readCompletionRequest(asked));
  });

  it('is refused as a short one is', async () => {
    const refusal = (text: string) =>
      reader.read('chat', bodyOf(text + padding), null).then(
        () => null,
        ({ code, param }: { code: string; param: string | null }) => `${code} ${param}`,
      );
    assert.equal(await refusal('{'), 'invalid_json null');
    assert.equal(await refusal('{"model":"m"}'), 'missing_required_parameter messages');
    assert.equal(await refusal('{"model":"m","messages":1}'), 'invalid_type messages');
    const ids = bodyOf(`{"model":"m","prompt":[${'1,'.repeat(1_048_576)}1]}`);
    const code = 'context_length_exceeded';
    await assert.rejects(reader.read('completion', ids, null), { code, param: 'prompt' });
    const format = {
      type: 'json_schema',
      json_schema: { name: 'a', schema: { title: padding + padding } },
    };
    const asked = {
      model: 'm',
      messages: [{ role: 'user', content: 'a' }],
      response_format: format,
    };
    assert.equal(await refusal(JSON.stringify(asked)), 'invalid_value response_format');
    const deep = `{"model":"m","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}}}`;
    assert.equal(await refusal(deep), 'invalid_value null');
  });
});

describe('a hostile body', () => {
  let api: OpenApi;
  before(async () => {
    api = await openApi(new ScriptedGenerator());
  });
  after(() => api.close());

  it('holds nobody up', async () => {
    const nested = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
    const startedMs = performance.now();
    JSON.parse(nested);
    const parseMs = performance.now() - startedMs;
    // The thread is started by a body that is soon read.
    await (await api.post('/v1/completions', padding)).text();
    let longestMs = 0;
    let lastMs = performance.now();
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 1);
    const response = await api.post('/v1/completions', `{"model":"m","prompt":${nested}}`);
    clearInterval(timer);
    assert.ok(response.status === 400 || response.status === 413, `${response.status}`);
    assert.ok(longestMs < parseMs / 2, `${longestMs} ms of ${parseMs}`);
  });
});
