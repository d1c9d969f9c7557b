// Checks that prompts which cannot fit are refused before they are tokenized.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EngineInfo } from '../engine/engine.js';
import { scriptedVocabulary } from '../engine/scripted-vocabulary.js';
import { promptTokens } from './prompt.js';

describe('a prompt longer than the context', () => {
  const vocabulary = scriptedVocabulary(16);
  const info = { vocabulary, chatTemplate: null, contextLength: 64 } as unknown as EngineInfo;

  it('is never made into tokens where its bytes alone say so', () => {
    const silent = { ...vocabulary, tokenize: () => assert.fail('made into tokens') };
    const text = 'a'.repeat(65);
    const expected = { code: 'prompt-too-long', message: /65.*64/ };
    assert.throws(
      () => promptTokens({ ...info, vocabulary: silent }, { kind: 'text', text }),
      expected,
    );
    const messages = [{ role: 'user', content: text }];
    const chat = { kind: 'messages', messages } as const;
    assert.throws(() => promptTokens({ ...info, vocabulary: silent }, chat), {
      code: 'prompt-too-long',
    });
  });

  it('is left to its tokens where it may fit', () => {
    const text = 'a'.repeat(64);
    assert.equal(promptTokens(info, { kind: 'text', text }).length, 65);
  });
});
