// Checks padded and aggregated answers over HTTP: pieces of one length, at every interval, and the
// same text for the official clients. Slow: those clients take a second to load.

import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, it } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { streamText } from 'ai';
import OpenAI from 'openai';
import { ask, resultOf, type Script, ScriptedGenerator, withApi, word } from './api.suite.js';

const shaping = { padBytes: 512, aggregateMs: 20 };
const messages = [{ role: 'user' as const, content: 'x' }];
const said = 'one two three';

/** Three words with long pauses, so that some intervals have nothing to send. */
const slowly: Script = (queue) => {
  queue.accept(5);
  void (async () => {
    for (const text of ['one', ' two', ' three']) {
      queue.push(word(text));
      await new Promise((resolve) => setTimeout(resolve, 70));
    }
    queue.end({ result: resultOf() });
  })();
};

const behind = (use: (url: string) => Promise<void>): Promise<void> =>
  withApi(new ScriptedGenerator(slowly), { shaping }, ({ url }) => use(url));

/** The pieces that a client receives, as they arrive. */
function piecesOf(url: string, body: object): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const pieces: string[] = [];
    const options = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const sent = httpRequest(`${url}/v1/completions`, options, (answer) => {
      answer.on('data', (bytes: Buffer) => pieces.push(bytes.toString()));
      answer.on('end', () => resolve(pieces));
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

describe('an HTTP API with traffic shaping', () => {
  it('sends pieces of one size class, empty ones included', async () => {
    await behind(async (url) => {
      const pieces = await piecesOf(url, { ...ask, stream: true });
      // The kernel may deliver two at once.
      const sizes = pieces.map((piece) => Buffer.byteLength(piece));
      assert.ok(
        sizes.every((size) => size % 512 === 0),
        sizes.join(' '),
      );
      const events = pieces.join('').split('\n\n');
      const saying = events.filter((event) => event.startsWith('data: '));
      const silent = events.filter((event) => /^:[\w-]{400,}$/.test(event));
      assert.equal(saying.at(-1), 'data: [DONE]');
      assert.ok(silent.length >= 3, `${silent.length} pieces say nothing`);
    });
  });

  it('pads an answer in one piece, which stays JSON', async () => {
    await behind(async (url) => {
      const body = (await piecesOf(url, ask)).join('');
      assert.ok(Number.isInteger(Math.log2(Buffer.byteLength(body) / 512)));
      assert.equal(JSON.parse(body).choices[0].text, said);
    });
  });

  it('says the same text to the openai client', async () => {
    await behind(async (url) => {
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
      const request = { model: 'toy', messages };
      let text = '';
      const stream = await client.chat.completions.create({ ...request, stream: true });
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      assert.equal(text, said);
      const whole = await client.chat.completions.create(request);
      assert.equal(whole.choices[0]!.message.content, said);
    });
  });

  it('says the same text to the ai client', async () => {
    await behind(async (url) => {
      const provider = createOpenAICompatible({ name: 'toy', baseURL: `${url}/v1` });
      const { text } = streamText({ model: provider.chatModel('toy'), messages });
      assert.equal(await text, said);
    });
  });
});
