// Tests that a body is measured by its brackets, not by those in its texts, before it is parsed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../api-error.js';
import { checkBrackets } from './body-measure.js';

const check = (text: string): void => checkBrackets(Buffer.from(text));
const refused = (message: RegExp) => (error: unknown) =>
  error instanceof ApiError && error.code === 'invalid_value' && message.test(error.message);

describe('the measure of a body', () => {
  it('lets through what JSON can hold, brackets in texts included', () => {
    check('[]'.repeat(100_000));
    check(JSON.stringify({ prompt: '[{"'.repeat(200_000) }));
    check(JSON.stringify(['\\"[', '\\\\', '{'.repeat(600)]));
    check(`${'['.repeat(512)}${']'.repeat(512)}`);
    for (const broken of ['', '"', '"\\', ']]]]', '{"a":"']) check(broken);
    fc.assert(fc.property(fc.jsonValue(), (value) => check(JSON.stringify(value))));
  });

  it('refuses a depth that no schema has, and more lists than a chat of thousands', () => {
    assert.throws(() => check('["a",'.repeat(513)), refused(/nested too deep/));
    assert.throws(
      () => check('{},'.repeat(131_073)),
      refused(/more than 131072 lists and objects/),
    );
    // A text that ends in an escaped quote goes on.
    assert.throws(() => check(`"a\\\\"${'['.repeat(513)}`), refused(/nested/));
    check(`"a\\"${'['.repeat(513)}`);
  });
});
