// Where two vocabularies part, in words: told alike by an engine that has both and by a device that was sent a piece of
// the other. Compares texts only; whether vocabularies are interchangeable is the fingerprint's business.

/** What is needed of a vocabulary; the engine's has it. */
export interface TokenTexts {
  readonly size: number;
  /** Raw text of a token. @param token in [0, size). */
  tokenText(token: number): string;
}

/** Of vocabularies whose fingerprints differ and whose texts do not. */
export const onlyKindsDiffer = 'all token texts agree, but kinds or special tokens differ';

/**
 * The first difference of texts or sizes, or null where there is none.
 *
 * @param from first token that is compared.
 * @param to behind the last one, at most the target's size.
 */
export function firstDifference(
  target: TokenTexts,
  draft: TokenTexts,
  from = 0,
  to: number = target.size,
): string | null {
  const shared = Math.min(target.size, draft.size);
  for (let token = from; token < Math.min(to, shared); token++) {
    const [wanted, found] = [target.tokenText(token), draft.tokenText(token)];
    if (wanted === found) continue;
    return `first difference at id ${token}: ${JSON.stringify(wanted)} in the target, ${JSON.stringify(found)} in the draft`;
  }
  return target.size === draft.size
    ? null
    : `the first ${shared} tokens agree, but the target has ${target.size} and the draft ${draft.size}`;
}
