// Checks a device against a broken or malicious server that lies in its welcome: no lie ends the
// process.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Welcome } from '../../protocol/frame.js';
import { LinkFixture, toyVocabulary, welcome } from './link-fixture.suite.js';

describe('a server that lies in its welcome', () => {
  const greeted = (changes: Partial<Welcome>) =>
    new LinkFixture().feed({ kind: 'link-up' }).hear({ ...welcome, ...changes });
  const endOf = (bench: LinkFixture) =>
    bench
      .feed({ kind: 'link-down', reason: 'closed' }, 10)
      .effects.flatMap((effect) => (effect.kind === 'gave-up' ? [effect.error] : []))[0];

  it('the same vocabulary with more tokens is another one: those would have no text here', () => {
    const error = endOf(greeted({ vocabSize: toyVocabulary.size + 1 }));
    assert.equal(error?.code, 'vocabulary-mismatch');
    assert.match(error.message, /the server has 17 tokens, the device 16/);
  });

  it('a version that the device did not offer ends the link', () => {
    const error = endOf(greeted({ version: 9 }));
    assert.equal(error?.code, 'protocol-violated');
    assert.match(error.message, /version 9, which is outside \[1, 3\]/);
  });
});
