// Applies token masks to rows of logits. Tokens that a format does not allow get the logit
// -Infinity, before temperature and filters, so the rest forms a law like any other.

import type { Logits } from './logits.js';

/** [ceil(vocab / 32)] bit t % 32 of word t / 32 is set if token t may come next. */
export type TokenMask = Uint32Array;

/**
 * Bans all tokens that a mask does not allow. If the caller's bans or the model leave none of the
 * allowed tokens, all allowed tokens become equally likely: a format always leaves a next token. A
 * row that has no possible token stays as it is; the model has failed.
 *
 * @param logits [vocab] after penalties and bias; changed in place.
 * @param mask allows at least one token.
 */
export function applyMask(logits: Logits, mask: TokenMask): void {
  let isAnyLeft = false;
  let isAnyBanned = false;
  for (let id = 0; id < logits.length; id++) {
    const isPossible = logits[id]! > -Infinity;
    if (isAllowed(mask, id)) isAnyLeft ||= isPossible;
    else {
      isAnyBanned ||= isPossible;
      logits[id] = -Infinity;
    }
  }
  if (isAnyLeft || !isAnyBanned) return;
  for (let id = 0; id < logits.length; id++) if (isAllowed(mask, id)) logits[id] = 0;
}

/** Whether a mask allows a token. */
export function isAllowed(mask: TokenMask, token: number): boolean {
  return ((mask[token >>> 5]! >>> (token & 31)) & 1) === 1;
}
