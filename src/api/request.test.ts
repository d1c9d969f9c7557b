// Checks how bodies are read, field by field: OpenAI's defaults, neutral values, and refusals of
// everything else.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError, type ApiErrorCode } from './api-error.js';
import { readChatRequest } from './chat-request.js';
import { readCompletionRequest } from './completion-request.js';

const chat = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const text = { model: 'm', prompt: 'hi' };

function refused(read: (body: unknown) => unknown, body: unknown): ApiError {
  try {
    read(body);
  } catch (reason) {
    assert.ok(reason instanceof ApiError, String(reason));
    return reason;
  }
  throw new Error(`taken: ${JSON.stringify(body)}`);
}

describe('a body with nothing but model and prompt', () => {
  it('means what OpenAI documents', () => {
    const expected = {
      model: 'm',
      choiceCount: 1,
      stops: [],
      seed: null,
      tokensMax: null,
      topLogprobs: null,
      format: null,
      isStream: false,
      includesUsage: false,
    };
    const { sampling, prompts, ...rest } = readCompletionRequest(text);
    assert.deepEqual(rest, expected);
    assert.deepEqual(prompts, [{ kind: 'text', text: 'hi' }]);
    const { logitBias, ...numbers } = sampling;
    assert.equal(logitBias.size, 0);
    assert.deepEqual(numbers, {
      temperature: 1,
      topP: 1,
      topK: 0,
      minP: 0,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
    });
  });

  it('is the same when every other field is null', () => {
    const names = ['temperature', 'n', 'stop', 'seed', 'max_tokens', 'user', 'tools', 'store'];
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    const body = { ...chat, ...nulls, stream_options: { include_usage: null } };
    assert.deepEqual(readChatRequest(body), readChatRequest(chat));
  });

  it('is the same with every field that has no effect, and with neutral values', () => {
    const neutral = {
      user: 'u',
      safety_identifier: 's',
      metadata: { a: 'b' },
      prompt_cache_key: 'k',
      prompt_cache_retention: '24h',
      store: false,
      service_tier: 'auto',
      tools: [],
      tool_choice: 'none',
      parallel_tool_calls: true,
      modalities: ['text'],
      response_format: { type: 'text' },
      stop: [],
      logit_bias: {},
      n: 1,
      top_k: -1,
    };
    assert.deepEqual(readChatRequest({ ...chat, ...neutral }), readChatRequest(chat));
    const plain = { echo: false, suffix: '', best_of: 1 };
    assert.deepEqual(readCompletionRequest({ ...text, ...plain }), readCompletionRequest(text));
  });
});

describe('fields that are honoured', () => {
  it('come through as they are', () => {
    const body = {
      ...chat,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.05,
      presence_penalty: 1,
      frequency_penalty: -1,
      repetition_penalty: 1.1,
      logit_bias: { 5: 3, 6: -100 },
      n: 3,
      seed: 12,
      stop: 'END',
      max_completion_tokens: 9,
      logprobs: true,
      top_logprobs: 2,
      stream: true,
      stream_options: { include_usage: true },
    };
    const asked = readChatRequest(body);
    assert.deepEqual(
      [...asked.sampling.logitBias],
      [
        [5, 3],
        [6, -Infinity],
      ],
    );
    const { logitBias, ...numbers } = asked.sampling;
    assert.deepEqual(Object.values(numbers), [0.5, 0.9, 40, 0.05, 1.1, 1, -1]);
    const { choiceCount, seed, stops, tokensMax, topLogprobs, isStream, includesUsage } = asked;
    assert.deepEqual(
      [choiceCount, seed, stops, tokensMax, topLogprobs, isStream, includesUsage],
      [3, 12n, ['END'], 9, 2, true, true],
    );
  });

  it('take negative seeds as two’s complement', () => {
    assert.equal(readCompletionRequest({ ...text, seed: -1 }).seed, 2n ** 64n - 1n);
  });

  it('take either name of the token limit, and both when they agree', () => {
    assert.equal(readChatRequest({ ...chat, max_tokens: 4 }).tokensMax, 4);
    const both = { ...chat, max_tokens: 4, max_completion_tokens: 4 };
    assert.equal(readChatRequest(both).tokensMax, 4);
    const error = refused(readChatRequest, { ...both, max_tokens: 5 });
    assert.equal(error.param, 'max_completion_tokens');
  });

  it('read the roles, and text in parts', () => {
    const messages = [
      { role: 'developer', content: 'be kind' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: 'c', refusal: null, tool_calls: null },
    ];
    assert.deepEqual(readChatRequest({ ...chat, messages }).prompts, [
      {
        kind: 'messages',
        messages: [
          { role: 'system', content: 'be kind' },
          { role: 'user', content: 'ab' },
          { role: 'assistant', content: 'c' },
        ],
        pictures: [],
      },
    ]);
  });

  it('read prompts as text, ids, or several of either', () => {
    const kinds = (prompt: unknown): string[] =>
      readCompletionRequest({ ...text, prompt }).prompts.map((one) => one.kind);
    assert.deepEqual(kinds('a'), ['text']);
    assert.deepEqual(kinds(['a', 'b']), ['text', 'text']);
    assert.deepEqual(kinds([1, 2]), ['ids']);
    assert.deepEqual(kinds([[1, 2], [3], 'c']), ['ids', 'ids', 'text']);
  });

  it('read a schema, and any JSON', () => {
    const schema = { type: 'object', properties: { a: { enum: [null] } } };
    const format = { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } };
    assert.deepEqual(readChatRequest({ ...chat, response_format: format }).format, {
      kind: 'json-schema',
      schema,
    });
    const object = { ...chat, response_format: { type: 'json_object' } };
    assert.deepEqual(readChatRequest(object).format, { kind: 'json-object' });
  });
});

type Case = readonly [ApiErrorCode, string | null, unknown];

const messagesOf = (...messages: unknown[]) => ({ ...chat, messages });

/** Lists within lists. */
const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

const chatCases: readonly Case[] = [
  ['invalid_type', null, 'text'],
  ['invalid_type', null, [chat]],
  ['missing_required_parameter', 'model', { messages: chat.messages }],
  ['missing_required_parameter', 'messages', { model: 'm' }],
  ['invalid_value', 'messages', messagesOf()],
  ['unknown_parameter', 'temprature', { ...chat, temprature: 1 }],
  ['unknown_parameter', 'messages[0].nmae', messagesOf({ role: 'user', content: '', nmae: 'x' })],
  ['unknown_parameter', 'stream_options.foo', { ...chat, stream_options: { foo: 1 } }],
  ['invalid_type', 'temperature', { ...chat, temperature: 'hot' }],
  ['invalid_value', 'temperature', { ...chat, temperature: 2.5 }],
  ['invalid_value', 'top_p', { ...chat, top_p: 0 }],
  ['invalid_value', 'min_p', { ...chat, min_p: 1 }],
  ['invalid_type', 'top_k', { ...chat, top_k: 1.5 }],
  ['invalid_value', 'presence_penalty', { ...chat, presence_penalty: 3 }],
  ['invalid_value', 'n', { ...chat, n: 17 }],
  ['invalid_value', 'max_tokens', { ...chat, max_tokens: 0 }],
  ['invalid_type', 'seed', { ...chat, seed: 'x' }],
  ['invalid_value', 'stop', { ...chat, stop: ['a', ''] }],
  ['invalid_type', 'stop', { ...chat, stop: [1] }],
  ['invalid_value', 'stop', { ...chat, stop: Array(17).fill('x') }],
  ['invalid_type', 'logit_bias', { ...chat, logit_bias: [] }],
  ['invalid_value', 'logit_bias', { ...chat, logit_bias: { x: 1 } }],
  ['invalid_value', 'logit_bias.5', { ...chat, logit_bias: { 5: 101 } }],
  ['invalid_value', 'top_logprobs', { ...chat, top_logprobs: 2 }],
  ['invalid_value', 'top_logprobs', { ...chat, logprobs: true, top_logprobs: 21 }],
  ['invalid_value', 'messages[0].role', messagesOf({ role: 'tool', content: '' })],
  ['missing_required_parameter', 'messages[0].content', messagesOf({ role: 'user' })],
  ['invalid_type', 'messages[0].content', messagesOf({ role: 'user', content: 5 })],
  [
    'unsupported_parameter',
    'messages[0].content[0]',
    messagesOf({ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }),
  ],
  [
    'invalid_value',
    'messages[0].content[0].image_url.url',
    messagesOf({ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }),
  ],
  [
    'invalid_value',
    'messages[0].content[1].image_url.detail',
    messagesOf({
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'image_url', image_url: { url: 'x', detail: 'extreme' } },
      ],
    }),
  ],
  [
    'unsupported_parameter',
    'messages[0].name',
    messagesOf({ role: 'user', content: '', name: 'n' }),
  ],
  [
    'unsupported_parameter',
    'messages[0].tool_calls',
    messagesOf({ role: 'assistant', content: '', tool_calls: [{}] }),
  ],
  ['unsupported_parameter', 'tools', { ...chat, tools: [{ type: 'function' }] }],
  ['unsupported_parameter', 'tool_choice', { ...chat, tool_choice: 'required' }],
  ['unsupported_parameter', 'functions', { ...chat, functions: [{}] }],
  ['unsupported_parameter', 'modalities', { ...chat, modalities: ['text', 'audio'] }],
  ['unsupported_parameter', 'audio', { ...chat, audio: {} }],
  ['unsupported_parameter', 'prediction', { ...chat, prediction: {} }],
  ['unsupported_parameter', 'reasoning_effort', { ...chat, reasoning_effort: 'high' }],
  ['unsupported_parameter', 'verbosity', { ...chat, verbosity: 'low' }],
  ['unsupported_parameter', 'web_search_options', { ...chat, web_search_options: {} }],
  [
    'context_length_exceeded',
    'messages',
    messagesOf(
      ...['user', 'assistant'].map((role) => ({ role, content: 'é'.repeat(2 ** 20 + 1) })),
    ),
  ],
  ['unsupported_parameter', 'store', { ...chat, store: true }],
  ['unsupported_parameter', 'store', { ...chat, store: nested(100_000) }],
  ['unsupported_parameter', 'service_tier', { ...chat, service_tier: 'flex' }],
  [
    'unsupported_parameter',
    'stream_options.include_obfuscation',
    { ...chat, stream_options: { include_obfuscation: true } },
  ],
  ['invalid_value', 'response_format.type', { ...chat, response_format: { type: 'xml' } }],
  [
    'missing_required_parameter',
    'response_format.json_schema',
    { ...chat, response_format: { type: 'json_schema' } },
  ],
];

const completionCases: readonly Case[] = [
  ['missing_required_parameter', 'prompt', { model: 'm' }],
  ['invalid_type', 'prompt', { ...text, prompt: { a: 1 } }],
  ['invalid_type', 'prompt', { ...text, prompt: [1, -2] }],
  ['invalid_type', 'prompt', { ...text, prompt: [[]] }],
  ['invalid_value', 'prompt', { ...text, prompt: [] }],
  ['invalid_value', 'prompt', { ...text, prompt: Array(17).fill('a') }],
  ['invalid_value', 'n', { ...text, prompt: ['a', 'b', 'c'], n: 6 }],
  ['context_length_exceeded', 'prompt', { ...text, prompt: ['a', 'é'.repeat(2 ** 21)] }],
  ['unsupported_parameter', 'echo', { ...text, echo: true }],
  ['unsupported_parameter', 'suffix', { ...text, suffix: '}' }],
  ['unsupported_parameter', 'best_of', { ...text, best_of: 3 }],
  ['invalid_value', 'logprobs', { ...text, logprobs: 21 }],
  ['unknown_parameter', 'messages', { ...text, messages: [] }],
];

describe('a body that is refused', () => {
  const check = (read: (body: unknown) => unknown, [code, param, body]: Case): void => {
    const error = refused(read, body);
    assert.deepEqual([error.code, error.param], [code, param], error.message);
    if (param !== null) assert.ok(error.message.includes(param), error.message);
    assert.equal(error.status, 400);
  };
  for (const one of chatCases) {
    it(`chat: ${one[0]} names ${one[1]}`, () => check(readChatRequest, one));
  }
  for (const one of completionCases) {
    it(`completions: ${one[0]} names ${one[1]}`, () => check(readCompletionRequest, one));
  }
});

it('a refusal of what is beyond a bound has the value and the bound', () => {
  const message = (change: object) => refused(readChatRequest, { ...chat, ...change }).message;
  assert.equal(message({ temperature: 3 }), "'temperature': got 3, expected at most 2");
  assert.equal(message({ top_p: 0 }), "'top_p': got 0, expected above 0");
  assert.equal(message({ min_p: 1 }), "'min_p': got 1, expected below 1");
  assert.equal(message({ messages: [] }), "'messages': got 0 items, expected at least 1");
});
