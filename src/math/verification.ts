// Describes the result of a verification, and holds the rule shared by `greedy`, `coupled` and
// `agreement`: accept drafts while they equal the target's own tokens.

import type { Law } from './law.js';

/** The token after the accepted drafts. */
export type FinalToken =
  /**
   * Drawn after a rejection (greedy, coupled, agreement: the target's own token at the first
   * difference).
   */
  | { readonly kind: 'residual'; readonly token: number }
  /** Drawn after all drafts were accepted, or in a plain step without drafts. */
  | { readonly kind: 'bonus'; readonly token: number }
  /**
   * `split` only, after a rejection: the target law there; the device draws the residual token from
   * it.
   */
  | { readonly kind: 'law'; readonly law: Law };

/** The result of a verification: how many drafts are accepted and which token follows them. */
export interface Verification {
  /** Accepted drafts, in [0, draftCount]. Later drafts are void. */
  readonly acceptedCount: number;
  /** A bonus token after fewer than all drafts: the next draft was not tested, see MayTest. */
  readonly final: FinalToken;
}

/**
 * Whether the draft of a row is tested. If not, the row gives the bonus token, as if the drafts had
 * ended there. Exact as long as the answer depends only on the drafts before that row: the token is
 * then drawn from the target's law independently of the draft.
 */
export type MayTest = (row: number) => boolean;

export const testsAll: MayTest = () => true;

/**
 * Accepts drafts while they equal the target's tokens. Exact for any drafts: every token is the
 * target's own. Drafts only decide how many tokens one pass gives.
 *
 * @param targetTokenAt the target's token at row 0 .. draftCount, given the drafts before that row.
 *   Called in order, up to the first difference: later rows follow a token that is not in the text.
 * @param drafts [draftCount]
 * @param mayTest asked in order, once a row, before the target's token of that row.
 */
export function acceptWhileEqual(
  targetTokenAt: (row: number) => number,
  drafts: Int32Array,
  mayTest = testsAll,
): Verification {
  let row = 0;
  for (; row < drafts.length && mayTest(row); row++) {
    const token = targetTokenAt(row);
    if (token !== drafts[row]) return { acceptedCount: row, final: { kind: 'residual', token } };
  }
  return { acceptedCount: row, final: { kind: 'bonus', token: targetTokenAt(row) } };
}
