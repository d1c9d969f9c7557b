// Runs stock clients against real processes: a server, and a device with a server behind it. The
// official `openai` package, the `ai` SDK and bare fetch each chat, stream, count, and get their
// own errors.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { freePort } from './cli-process.suite.js';
import { type Ended, type Running, run } from './command.suite.js';

const model = 'llama-stories-target-9m';
const folder = mkdtempSync(join(tmpdir(), 'pilotfish-api-'));
const keysPath = join(folder, 'keys.json');
let key = '';
const prompt = 'The old clock';
const messages = [{ role: 'user' as const, content: 'Tell me of the old clock.' }];

interface Child {
  readonly ended: Promise<Ended>;
  readonly child: Running;
}

/** Starts a command and waits until its API is ready. */
async function start(args: readonly string[], port: number): Promise<Child> {
  const started = await new Promise<Child>((resolve) => {
    const ended = run(args, {}, (child) => queueMicrotask(() => resolve({ child, ended })));
  });
  let over: Ended | null = null;
  void started.ended.then((how) => {
    over = how;
  });
  for (;;) {
    if (over !== null) throw new Error((over as Ended).err);
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { headers }).catch(() => null);
    if (response?.status === 200) return started;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const ports = { server: 0, device: 0 };
const children: Child[] = [];

before(async () => {
  key = (await run(['keys', 'create', 'tests', '--may', 'stats', '--keys', keysPath])).out.trim();
  const keyPath = join(folder, 'device.key');
  writeFileSync(keyPath, `${key}\n`, { mode: 0o600 });
  ports.server = await freePort();
  ports.device = await freePort();
  const served = ['serve', '-m', 'stories-target', '--slots', '4', '-t', '1', '-c', '256'];
  const server = [...served, '--deterministic', '--port', `${ports.server}`, '--keys', keysPath];
  children.push(await start(server, ports.server));
  const device = [
    'device',
    '--server',
    `127.0.0.1:${ports.server}`,
    '--key-file',
    keyPath,
    '-t',
    '1',
  ];
  const api = ['--http', `${ports.device}`, '--http-keys', keysPath];
  children.push(await start([...device, ...api], ports.device));
});

after(async () => {
  for (const { child, ended } of children.reverse()) {
    child.kill('SIGINT');
    const { code, err } = await ended;
    assert.equal(code, 0, err);
  }
  rmSync(folder, { recursive: true });
});

const urlOf = (end: keyof typeof ports): string => `http://127.0.0.1:${ports[end]}`;
const clientOf = (end: keyof typeof ports): OpenAI =>
  new OpenAI({ baseURL: `${urlOf(end)}/v1`, apiKey: key, maxRetries: 0 });

/** A number from the metrics page. */
async function metric(end: keyof typeof ports, name: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}` };
  const page = await (await fetch(`${urlOf(end)}/metrics`, { headers })).text();
  const [, value] = new RegExp(`^pilotfish_${name} (\\S+)$`, 'm').exec(page) ?? [];
  assert.ok(value !== undefined, `no metric ${name}`);
  return Number(value);
}

for (const end of ['server', 'device'] as const) {
  describe(`the openai client on a ${end}`, () => {
    it('lists the model', async () => {
      const list = await clientOf(end).models.list();
      assert.deepEqual(
        list.data.map(({ id }) => id),
        [model],
      );
      assert.equal((await clientOf(end).models.retrieve(model)).object, 'model');
    });

    it('streams a chat whose pieces are the whole answer', async () => {
      const client = clientOf(end);
      const request = { model, messages, max_tokens: 24, seed: 5, temperature: 0.8 };
      const whole = await client.chat.completions.create(request);
      const { message, finish_reason: reason } = whole.choices[0]!;
      assert.equal(message.role, 'assistant');
      assert.ok(reason === 'length' || reason === 'stop');
      let text = '';
      let usage: OpenAI.CompletionUsage | null | undefined;
      const stream = await client.chat.completions.create({
        ...request,
        stream: true,
        stream_options: { include_usage: true },
      });
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        usage = chunk.usage;
      }
      assert.equal(text, message.content);
      assert.equal(usage!.prompt_tokens, whole.usage!.prompt_tokens);
      assert.equal(usage!.completion_tokens, whole.usage!.completion_tokens);
      assert.equal(usage!.total_tokens, usage!.prompt_tokens + usage!.completion_tokens);
    });

    it('works with its own stream helper', async () => {
      const stream = clientOf(end).chat.completions.stream({ model, messages, max_tokens: 8 });
      const { choices } = await stream.finalChatCompletion();
      assert.ok(choices[0]!.message.content!.length > 0);
    });

    it('completes several prompts with several choices, each by its seed', async () => {
      const client = clientOf(end);
      const request = { model, max_tokens: 12, temperature: 0.9 };
      const both = await client.completions.create({
        ...{ ...request, prompt: [prompt, 'Lily'], n: 2, seed: 40 },
      });
      assert.deepEqual(
        both.choices.map(({ index }) => index),
        [0, 1, 2, 3],
      );
      const second = await client.completions.create({ ...request, prompt, seed: 41 });
      assert.equal(both.choices[1]!.text, second.choices[0]!.text);
      assert.equal(both.usage!.completion_tokens, 48);
    });

    it('ends before a stop string', async () => {
      const client = clientOf(end);
      const request = { model, prompt, max_tokens: 40, seed: 3, temperature: 0 };
      const { text } = (await client.completions.create(request)).choices[0]!;
      const stop = text.slice(15, 19);
      const cut = (await client.completions.create({ ...request, stop: [stop] })).choices[0]!;
      assert.equal(cut.text, text.slice(0, text.indexOf(stop)));
      assert.equal(cut.finish_reason, 'stop');
    });

    it('throws its own errors for what is refused', async () => {
      const client = clientOf(end);
      const request = { model, messages, max_tokens: 4 };
      await assert.rejects(
        client.chat.completions.create({ ...request, model: 'gpt-4' }),
        (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found',
      );
      await assert.rejects(
        client.chat.completions.create({
          ...request,
          tools: [{ type: 'function', function: { name: 'f' } }],
        }),
        (error) => error instanceof OpenAI.BadRequestError && error.param === 'tools',
      );
      await assert.rejects(
        client.completions.create({ model, prompt: 'word '.repeat(400) }),
        (error) =>
          error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded',
      );
      const long = [{ role: 'user' as const, content: 'word '.repeat(400) }];
      for (const stream of [false, true]) {
        await assert.rejects(
          client.chat.completions.create({ ...request, messages: long, stream }),
          (error) =>
            error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded',
        );
      }
      const outsider = new OpenAI({ baseURL: client.baseURL, apiKey: 'wrong', maxRetries: 0 });
      await assert.rejects(outsider.models.list(), OpenAI.AuthenticationError);
    });

    it('stops the server by leaving a stream', async () => {
      const client = clientOf(end);
      const stream = await client.completions.create({
        ...{ model, prompt, stream: true, logit_bias: { 2: -100 } },
      });
      for await (const _ of stream) break;
      for (let turn = 0; ; turn++) {
        const [open, sessions] = await Promise.all([
          metric(end, 'http_open_requests'),
          metric('server', 'sessions'),
        ]);
        if (open === 0 && sessions === 0) break;
        assert.ok(turn < 100, `${open} requests, ${sessions} sessions`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.ok((await metric(end, 'http_abandoned_answers_total{why="gone"}')) >= 1);
    });
  });

  describe(`the ai SDK on a ${end}`, () => {
    const chatModel = () =>
      createOpenAICompatible({ name: 'pilotfish', baseURL: `${urlOf(end)}/v1`, apiKey: key })(
        model,
      );

    it('generates and streams the same text, with usage', async () => {
      const request = {
        ...{ model: chatModel(), prompt: 'Tell me a story.', maxOutputTokens: 20, seed: 8 },
        ...{ temperature: 0.7, topP: 0.95, stopSequences: ['\n\n'], maxRetries: 0 },
      };
      const whole = await generateText(request);
      assert.ok(whole.text.length > 0);
      assert.ok(whole.usage.outputTokens! > 0);
      const stream = streamText(request);
      let text = '';
      for await (const piece of stream.textStream) text += piece;
      assert.equal(text, whole.text);
      assert.equal(await stream.finishReason, whole.finishReason);
    });

    it('gets the reason of an error', async () => {
      const request = { model: chatModel(), prompt: 'x', temperature: 9, maxRetries: 0 };
      await assert.rejects(generateText(request), /temperature/);
    });
  });
}

describe('a device', () => {
  it('writes what the server alone writes, and has drafted for its answers', async () => {
    const request = { model, prompt, max_tokens: 60, seed: 14, temperature: 0.8, top_k: 40 };
    const ask = async (end: keyof typeof ports) => {
      const response = await fetch(`${urlOf(end)}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify(request),
      });
      assert.equal(response.status, 200);
      return (await response.json()) as OpenAI.Completion & {
        metrics: { speculative_decoding: { is_verified: boolean } };
      };
    };
    const [alone, drafted] = [await ask('server'), await ask('device')];
    assert.equal(drafted.choices[0]!.text, alone.choices[0]!.text);
    assert.equal(drafted.system_fingerprint, alone.system_fingerprint);
    assert.equal(alone.metrics.speculative_decoding.is_verified, true);
    // Over all answers of this file: on a fast machine race may find that one of them needs none.
    assert.ok((await metric('device', 'spec_decode_num_draft_tokens_total')) > 0);
    assert.equal(drafted.metrics.speculative_decoding.is_verified, true);
    assert.ok((await metric('device', 'uplink_bytes_total')) > 0);
    assert.ok((await metric('server', 'committed_tokens_total')) > 120);
  });
});
