// Checks what a device says of its vocabulary, and with whom it does not talk.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { blockHashesOf } from '../../protocol/vocabulary-blocks.js';
import { helloOf, vocabularyError } from './handshake.js';
import { settings, toyVocabulary, welcome } from './link-fixture.suite.js';

describe('Hello', () => {
  it('names the vocabulary, its size and the hashes of its blocks', () => {
    const hello = helloOf({ ...settings, key: 'secret', name: 'pocket' });
    const { fingerprint, size } = toyVocabulary;
    assert.deepEqual([hello.fingerprint, hello.vocabSize], [fingerprint, size]);
    assert.deepEqual(hello.blockHashes, blockHashesOf(toyVocabulary));
    assert.deepEqual([hello.key, hello.name], ['secret', 'pocket']);
    assert.deepEqual([hello.versionMin, hello.versionMax], [1, 5]);
  });

  it('names none where the device trusts ids, and no difference is found then', () => {
    const { fingerprint, vocabSize, blockHashes } = helloOf({ ...settings, vocabulary: null });
    assert.deepEqual([fingerprint, vocabSize, blockHashes.length], ['', 0, 0]);
    assert.equal(vocabularyError(null, { ...welcome, fingerprint: 'other' }), null);
  });
});

describe('a vocabulary', () => {
  it('with another fingerprint or size is another one', () => {
    assert.equal(vocabularyError(toyVocabulary, welcome), null);
    const other = vocabularyError(toyVocabulary, { ...welcome, fingerprint: 'other' });
    assert.match(other!.message, /the server has other, the device/);
    const larger = vocabularyError(toyVocabulary, { ...welcome, vocabSize: 17 });
    assert.match(larger!.message, /the server has 17 tokens, the device 16/);
  });
});
