// From a fault to the Failure frame that says it, and to the words a connection is closed with.

import { closeCodeOf, type WireCode, type WireFault } from './code.js';
import type { Failure, VocabularyBlock } from './frame.js';
import { limits } from './limits.js';
import { cutText } from './utf8.js';

/**
 * The frame that tells a peer of a fault.
 *
 * @param retryAfterMs 0: no advice.
 * @param block for `vocabulary-mismatch`.
 */
export function failureOf(
  { code, message, session }: WireFault,
  retryAfterMs = 0,
  block: VocabularyBlock | null = null,
): Failure {
  const text = cutText(message, limits.failureBytes.value);
  return { kind: 'failure', code, session, message: text, retryAfterMs, block };
}

/** Close code and reason of a connection that ends for `code`. */
export function closeFor(code: WireCode): { readonly code: number; readonly reason: string } {
  return { code: closeCodeOf(code), reason: code };
}
