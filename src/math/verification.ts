// What a verification says: how many drafts stand and which token follows them. Home of the rule that the schemes with
// shared or absent noise have in common: keep drafts while they equal the target's own tokens.

import type { Law } from './law.js';

/** The last word of a verdict. */
export type FinalToken =
  /** Drawn after a rejection (greedy, coupled, agreement: the target's own token at the first difference). */
  | { readonly kind: 'residual'; readonly token: number }
  /** Drawn after every draft was accepted (also: the one token of a plain step, without drafts). */
  | { readonly kind: 'bonus'; readonly token: number }
  /** `split` only, after a rejection: the target law there; the device draws the residual token from it. */
  | { readonly kind: 'law'; readonly law: Law };

/** What a verification says: how many drafts stand and which token follows them. */
export interface Verification {
  /** Accepted drafts, in [0, draftCount]. The drafts behind them are void. */
  readonly acceptedCount: number;
  /** A bonus token behind fewer than all drafts: the next one was not tested, see MayTest. */
  readonly final: FinalToken;
}

/**
 * Whether the draft of a row is tested. Where it is not, the row gives the bonus token, as if the drafts had ended there.
 * That is exact as long as the answer depends on nothing but the drafts before that row: the token is then drawn from the
 * target's law whatever the draft would have been.
 */
export type MayTest = (row: number) => boolean;

export const testsAll: MayTest = () => true;

/**
 * Accepts drafts while they equal the target's tokens. Exact for any drafts whatever: every token that comes out is
 * the target's own, drafts only decide how many come out of one pass.
 *
 * @param targetTokenAt the target's token at row 0 .. draftCount, given the drafts before that row. Called in order, for
 *   no row behind the first difference: those rows follow a token that is not in the text.
 * @param drafts [draftCount]
 * @param mayTest asked in order, once a row, before the target's token there.
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
