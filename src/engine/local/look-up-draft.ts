// Drafts without a model: guesses the tokens that followed when the text last ended like this. One
// slot; holds committed tokens only, so a rejected draft leaves nothing to roll back.

import { assert } from '../../base/assert.js';
import type { DraftEngine, DraftRequest, EngineInfo } from '../engine.js';
import { pointDraft } from '../suffix/point-draft.js';
import { type SuffixGuessLimits, SuffixLookUp, suffixDefaults } from '../suffix/suffix-look-up.js';

/** @param target gives the vocabulary. */
export function lookUpDraft(
  target: Pick<EngineInfo, 'vocabulary' | 'contextLength'>,
  limits: SuffixGuessLimits = suffixDefaults,
): DraftEngine {
  const { vocabulary, contextLength } = target;
  let lookUp = new SuffixLookUp({ promptLength: 0 });
  let absent = 0;
  const guess = ({ from, tokens, countMax, scheme }: DraftRequest) => {
    assert(from <= lookUp.length, `from ${from} of ${lookUp.length}`);
    lookUp.truncate(from);
    lookUp.append(tokens);
    const { length } = lookUp;
    const room = Math.min(countMax, limits.countMax, contextLength - length);
    const { tokens: found } = lookUp.guess({ ...limits, countMax: room });
    const end = found.findIndex((token) => vocabulary.endOfText.has(token));
    const kept = end < 0 ? found : found.slice(0, end + 1);
    return kept.map((token, index) => pointDraft(absent + length + index, token, scheme));
  };
  return {
    info: { vocabulary, contextLength },
    open: async (_slot, { promptLength, absentCount = 0 }) => {
      absent = absentCount;
      lookUp = new SuffixLookUp({ promptLength });
    },
    draft: (request) => {
      const drafted = guess(request);
      const end = { reason: 'count', drafted, length: lookUp.length } as const;
      return { stop: () => undefined, done: Promise.resolve(end) };
    },
    truncate: async (_slot, length) => {
      lookUp.truncate(Math.min(lookUp.length, length));
    },
  };
}
