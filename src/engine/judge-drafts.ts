// Builds the judge of a segment: takes of its drafts what their scheme tests.

import { assert, unreachable } from '../base/assert.js';
import type { Law } from '../math/law.js';
import type { Scheme } from '../math/scheme.js';
import type { DraftedToken, Judge } from './engine.js';

type Drawn = Pick<DraftedToken, 'law' | 'prob'>;

/** @param parts give [draftCount] of the drafts; called for what the scheme tests only. */
export function judgeOf(
  scheme: Scheme,
  draftCount: number,
  parts: { readonly probs: () => Float64Array; readonly laws: () => readonly Law[] },
): Judge {
  switch (scheme) {
    case 'greedy':
    case 'coupled':
    case 'agreement':
      return { scheme, draftCount };
    case 'split':
      return { scheme, draftCount, draftProbs: parts.probs() };
    case 'full':
      return { scheme, draftCount, draftLaws: parts.laws() };
    default:
      return unreachable(scheme);
  }
}

/** The judge of drafts as their drafter gave them. */
export const judgeDrafts = (scheme: Scheme, drafts: readonly Drawn[]): Judge =>
  judgeOf(scheme, drafts.length, {
    probs: () => Float64Array.from(drafts, ({ prob }) => tested(prob)),
    laws: () => drafts.map(({ law }) => tested(law)),
  });

/** What a scheme tests of a drafted token. @throws InvariantError where the drafter left it out. */
export function tested<T>(part: T | null): T {
  assert(part !== null, 'a drafted token lacks the law or probability that its scheme tests');
  return part;
}
