// Whether two models speak the same tokens, and if not, where they part. Compares contents, not sizes: vocabularies of
// one family may differ in padding only, which the fingerprint would not forgive but a reader should be told.

import { PilotfishError } from '../base/error.js';
import type { Vocabulary } from './vocabulary.js';

/** The first difference in words, or null when the vocabularies are interchangeable. */
export function vocabularyDifference(target: Vocabulary, draft: Vocabulary): string | null {
  if (target.fingerprint === draft.fingerprint) return null;
  const shared = Math.min(target.size, draft.size);
  for (let token = 0; token < shared; token++) {
    const [wanted, found] = [target.tokenText(token), draft.tokenText(token)];
    if (wanted !== found) {
      return `first difference at id ${token}: ${JSON.stringify(wanted)} in the target, ${JSON.stringify(found)} in the draft`;
    }
  }
  if (target.size !== draft.size) {
    return `the first ${shared} tokens agree, but the target has ${target.size} and the draft ${draft.size}`;
  }
  return 'all token texts agree, but kinds or special tokens differ';
}

/** @throws PilotfishError `vocabulary-mismatch` with the first difference. */
export function checkSameVocabulary(target: Vocabulary, draft: Vocabulary): void {
  const difference = vocabularyDifference(target, draft);
  if (difference === null) return;
  throw new PilotfishError(
    'vocabulary-mismatch',
    `draft and target vocabularies differ: ${difference}`,
  );
}
