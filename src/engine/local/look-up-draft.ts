// Drafts without a model: guesses the tokens that followed when the text last ended like this. One
// slot; holds committed tokens only, so there is nothing to roll back.

import { assert } from '../../base/assert.js';
import type { DraftEngine, DraftRequest, EngineInfo } from '../engine.js';
import { type NgramOptions, ngramDefaults, ngramDraft, ngramLookUp } from '../ngram-look-up.js';

/** @param target gives the vocabulary. */
export function lookUpDraft(
  target: Pick<EngineInfo, 'vocabulary' | 'contextLength'>,
  options: NgramOptions = ngramDefaults,
): DraftEngine {
  const { vocabulary, contextLength } = target;
  const text: number[] = [];
  const guess = ({ from, tokens, countMax, scheme }: DraftRequest) => {
    assert(from <= text.length, `from ${from} of ${text.length}`);
    text.length = from;
    for (const token of tokens) text.push(token);
    const found = ngramLookUp(text, Math.min(countMax, contextLength - text.length), options);
    const end = found.findIndex((token) => vocabulary.endOfText.has(token));
    const kept = end < 0 ? found : found.slice(0, end + 1);
    return kept.map((token, index) => ngramDraft(text.length + index, token, scheme));
  };
  return {
    info: { vocabulary, contextLength },
    open: async () => {
      text.length = 0;
    },
    draft: (request) => {
      const drafted = guess(request);
      const end = { reason: 'count', drafted, length: text.length } as const;
      return { stop: () => undefined, done: Promise.resolve(end) };
    },
    truncate: async (_slot, length) => {
      text.length = Math.min(text.length, length);
    },
  };
}
