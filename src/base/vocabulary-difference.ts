// Finds the first difference of two vocabularies and describes it. Engines that hold both and
// devices that were sent a part of one share it. Compares texts only; fingerprints decide whether
// two vocabularies are interchangeable.

/** The part of a vocabulary needed here. The engine's Vocabulary has it. */
export interface TokenTexts {
  readonly size: number;
  /** Raw text of a token. @param token in [0, size). */
  tokenText(token: number): string;
}

/** Message for vocabularies with equal texts but different fingerprints. */
export const onlyKindsDiffer = 'all token texts agree, but kinds or special tokens differ';

/**
 * The first difference of texts or sizes, or null where there is none.
 *
 * @param from first token compared.
 * @param to end of the range (exclusive), at most the target's size.
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
