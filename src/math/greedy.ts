// Scheme `greedy`: temperature 0. Draft and target both name their likeliest token; exact because the target's argmax
// is the only possible text. Draws nothing.

import type { Law } from './law.js';
import { acceptWhileEqual, testsAll, type Verification } from './verification.js';

/** The likeliest token of a law; of equally likely ones the lowest id. */
export function greedyToken(law: Law): number {
  if (law.kind === 'sparse') return law.ids[0]!;
  return law.probs.reduce((best, prob, id) => (prob > law.probs[best]! ? id : best), 0);
}

/** Verifies drafts of any origin. @param targetTokenAt argmax of the target at each row; see acceptWhileEqual. */
export function verifyGreedy(
  targetTokenAt: (row: number) => number,
  drafts: Int32Array,
  mayTest = testsAll,
): Verification {
  return acceptWhileEqual(targetTokenAt, drafts, mayTest);
}
