// The part of a row that a format leaves: tokens it does not allow have the logit -Infinity, before temperature and every
// filter, so that what remains is a law like any other.

import type { Logits } from './logits.js';

/** [ceil(vocab / 32)] bit t % 32 of word t / 32 is set where token t may come next. */
export type TokenMask = Uint32Array;

/**
 * Bans all tokens that a mask does not allow. Where bans of the caller, or the model itself, leave none of the allowed
 * ones, these are equally likely: a format never leaves a text without a next token. A row without any token at all stays
 * so, which is the model's failure.
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
