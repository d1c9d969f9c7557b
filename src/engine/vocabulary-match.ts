// Checks that two models share their tokens, and reports the first difference. Compares contents,
// not sizes: vocabularies of one family may differ in padding only. The fingerprint refuses those
// too, but the message should say so.

import { PilotfishError } from '../base/error.js';
import { firstDifference, onlyKindsDiffer } from '../base/vocabulary-difference.js';
import type { Vocabulary } from './vocabulary.js';

/** Describes the first difference; null if the vocabularies are interchangeable. */
export function vocabularyDifference(target: Vocabulary, draft: Vocabulary): string | null {
  if (target.fingerprint === draft.fingerprint) return null;
  return firstDifference(target, draft) ?? onlyKindsDiffer;
}

/**
 * Refuses a draft whose tokens are not the target's.
 *
 * @throws PilotfishError `vocabulary-mismatch` with the first difference.
 *
 * @example
 * ```ts
 * import { checkSameVocabulary, createScriptedEngine } from 'pilotfish/engine';
 *
 * const [target, draft] = [createScriptedEngine(), createScriptedEngine({ seed: 2 })];
 * checkSameVocabulary(target.info.vocabulary, draft.info.vocabulary);
 * ```
 */
export function checkSameVocabulary(target: Vocabulary, draft: Vocabulary): void {
  const difference = vocabularyDifference(target, draft);
  if (difference === null) return;
  throw new PilotfishError(
    'vocabulary-mismatch',
    `draft and target vocabularies differ: ${difference}`,
  );
}
