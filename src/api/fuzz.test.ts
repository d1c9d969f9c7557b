// Checks that any JSON body is read as a request, or refused with a 4xx status and the name of a
// field. Nothing else is thrown, and nothing is slow. Add bodies that failed to the list below.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fuzzing } from '../base/fuzz.suite.js';
import { ApiError } from './api-error.js';
import { chatFields, readChatRequest } from './chat-request.js';
import { completionFields, readCompletionRequest } from './completion-request.js';

const endpoints = [
  ['chat', readChatRequest, Object.keys(chatFields)],
  ['completion', readCompletionRequest, Object.keys(completionFields)],
] as const;

const messages = fc.array(
  fc.record(
    {
      role: fc.oneof(fc.constantFrom('user', 'system', 'assistant'), fc.jsonValue()),
      content: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 5 },
);

/** Bodies close to real ones: existing fields with values of every kind. */
const bodyOf = (names: readonly string[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, fc.string()),
      fc.oneof(
        fc.jsonValue(),
        messages,
        fc.double(),
        fc.integer(),
        fc.constantFrom('text', 'json_object', 'none', 'auto', '', 'toy'),
        fc.dictionary(fc.string(), fc.double(), { maxKeys: 5 }),
      ),
      { maxKeys: 12 },
    ),
  );

describe('a body of any JSON', () => {
  for (const [name, read, fields] of endpoints) {
    it(`is a ${name} request or a refusal, never an internal error`, () => {
      let readCount = 0;
      fc.assert(
        fc.property(bodyOf(fields), (body) => {
          try {
            read(body);
            readCount++;
          } catch (reason) {
            assert.ok(reason instanceof ApiError, `${reason}`);
            assert.equal(reason.status, 400);
            assert.ok(reason.message.length < 2_000);
          }
        }),
        fuzzing(
          1_000,
          kept.map((body): [unknown] => [body]),
        ),
      );
      assert.ok(readCount > 0, 'no valid body was read');
    });
  }
});

/** Bodies that once failed, or might; the first ones are valid. */
const kept: unknown[] = [
  { model: 'toy', prompt: 'a' },
  { model: 'toy', messages: [{ role: 'user', content: 'a' }] },
  null,
  [],
  { model: 'toy', prompt: [] },
  { model: 'toy', prompt: [[]] },
  { model: 'toy', prompt: [1e308] },
  { model: 'toy', prompt: 'a', logit_bias: { '-1': 1e308, constructor: 1 } },
  { model: 'toy', prompt: 'a', stop: Array.from({ length: 1_000 }, () => '') },
  { model: 'toy', messages: [{ role: 'user', content: { toString: 1 } }] },
  JSON.parse('{"model":"toy","__proto__":{"prompt":"a"}}'),
];
