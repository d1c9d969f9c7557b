// Compares streams and bodies byte by byte with readable files. Ids and times are replaced;
// everything else is a promise to clients.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  modelName,
  type OpenApi,
  openApi,
  resultOf,
  type Script,
  ScriptedGenerator,
  word,
} from './api.suite.js';

const folder = join(
  dirname(fileURLToPath(import.meta.url)),
  '..',
  '..',
  '..',
  'src',
  'api',
  'golden',
);
/** Event streams allow comments, so the file says how it was made. */
const origin = ': made by GOLDEN=write node --test dist/src/api/golden.test.js\n\n';

const settled = (text: string): string =>
  text
    .replaceAll(/(chatcmpl|cmpl)-[0-9a-f]{32}/g, '$1-ID')
    .replaceAll(/"created":\d+/g, '"created":0');

function matchesFile(name: string, text: string): void {
  const path = join(folder, name);
  const whole = origin + settled(text);
  if (process.env['GOLDEN'] === 'write') writeFileSync(path, whole);
  assert.equal(whole, readFileSync(path, 'utf8'));
}

/** Two turns of the event loop; the first brings two tokens, of which one is half a character. */
const said: Script = (queue, { seed }) => {
  queue.accept(5);
  const first = {
    logprob: -0.5,
    top: [
      { token: 7, logprob: -0.5 },
      { token: 8, logprob: -1.5 },
    ],
  };
  const logprobs = { logprob: -2, top: [] };
  queue.push({ ...word('Hé"\n'), logprobs: first });
  queue.push({ ...word('', 9), logprobs });
  setTimeout(() => {
    queue.push({ ...word(`ü${seed}`, 10), logprobs });
    queue.push({ text: '�', token: null, logprobs: null });
    queue.end({ result: resultOf({ reason: seed === 1n ? 'stop' : 'length' }) });
  }, Number(seed) * 10);
};

const chat = { model: modelName, messages: [{ role: 'user', content: 'x' }], seed: 1 };
const text = { model: modelName, prompt: 'x', seed: 1 };
const stream = { stream: true, stream_options: { include_usage: true } };

const cases = [
  ['chat.sse', '/v1/chat/completions', { ...chat, stream: true }],
  ['chat-usage.sse', '/v1/chat/completions', { ...chat, ...stream }],
  ['chat-two.sse', '/v1/chat/completions', { ...chat, ...stream, n: 2 }],
  ['chat.body', '/v1/chat/completions', chat],
  ['text.sse', '/v1/completions', { ...text, stream: true }],
  ['text-usage.sse', '/v1/completions', { ...text, ...stream }],
  ['text.body', '/v1/completions', text],
] as const;

describe('golden answers', () => {
  let api: OpenApi;
  before(async () => {
    api = await openApi(new ScriptedGenerator(said));
  });
  after(() => api.close());

  for (const [name, path, body] of cases) {
    it(name, async () => {
      const response = await api.post(path, body);
      assert.equal(response.status, 200);
      const type = name.endsWith('.sse') ? 'text/event-stream' : 'application/json';
      assert.equal(response.headers.get('content-type'), `${type}; charset=utf-8`);
      matchesFile(name, await response.text());
    });
  }

  it('are streamed with headers that keep proxies from collecting them', async () => {
    const { headers } = await api.post('/v1/completions', { ...text, stream: true });
    assert.equal(headers.get('cache-control'), 'no-cache');
    assert.equal(headers.get('x-accel-buffering'), 'no');
  });
});
