// Drafts without a model: proposes the tokens that followed when the text last ended like this
// (prompt look-up). The guess depends on the text alone, so under the ratio schemes its law is a
// point. It is then accepted with the target's own probability, and the residual is the target law
// without it. Source: Saxena 2023, "Prompt lookup decoding".

import { pointLaw } from '../math/law.js';
import { type Scheme, schemeTraits } from '../math/scheme.js';
import type { DraftedToken } from './engine.js';

/**
 * How drafts are looked up in the text so far. Default: suffixes of 4 to 2 tokens, 8 guesses, 8192
 * positions.
 */
export interface NgramOptions {
  /** Longest and shortest suffix to look up, longest first; >= 1. */
  readonly suffixMax: number;
  readonly suffixMin: number;
  /** Most tokens guessed from one match, >= 1. */
  readonly guessMax: number;
  /** Most positions searched backwards, >= 1: bounds the time of a look-up. */
  readonly searchMax: number;
}

export const ngramDefaults: NgramOptions = {
  suffixMax: 4,
  suffixMin: 2,
  guessMax: 8,
  searchMax: 8192,
};

/**
 * The tokens after the newest earlier occurrence of the text's suffix, trying long suffixes first.
 *
 * @param text [n]
 * @param countMax >= 1.
 * @returns [<= min(guessMax, countMax)], empty if no suffix occurs earlier.
 */
export function ngramLookUp(
  text: readonly number[],
  countMax: number,
  { suffixMax, suffixMin, guessMax, searchMax }: NgramOptions,
): readonly number[] {
  const { length } = text;
  for (let size = Math.min(suffixMax, length - 1); size >= suffixMin; size--) {
    const lowest = Math.max(0, length - size - searchMax);
    for (let at = length - size - 1; at >= lowest; at--) {
      if (!matches(text, at, size)) continue;
      return text.slice(at + size, at + size + Math.min(guessMax, countMax));
    }
  }
  return [];
}

function matches(text: readonly number[], at: number, size: number): boolean {
  const suffix = text.length - size;
  for (let index = 0; index < size; index++) {
    if (text[at + index] !== text[suffix + index]) return false;
  }
  return true;
}

/**
 * A guess as a drafted token. Under the ratio schemes its law is a point.
 *
 * @param position absolute.
 */
export function ngramDraft(position: number, token: number, scheme: Scheme): DraftedToken {
  const isRatio = schemeTraits[scheme].test === 'ratio';
  return {
    position,
    token,
    confidence: null,
    law: isRatio ? pointLaw(token) : null,
    prob: isRatio ? 1 : null,
  };
}
