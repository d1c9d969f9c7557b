// Turns a fault into a Failure frame and a close reason, and a Failure frame into the error for the
// caller.

import { PilotfishError } from '../base/error.js';
import { cutText } from '../base/utf8.js';
import { closeCodeOf, codeTable, type WireCode, type WireFault } from './code.js';
import type { Failure, VocabularyBlock } from './frame.js';
import { limits } from './limits.js';

/**
 * The frame that reports a fault to the peer.
 *
 * @param retryAfterMs 0: no advice.
 * @param block for `vocabulary-mismatch`.
 */
export function failureFrame(
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

/** The error that a Failure frame stands for. */
export function errorOfFailure({ code, message, retryAfterMs }: Failure): PilotfishError {
  const { error, meaning, remedy } = codeTable[code];
  const why = message === '' ? clause(meaning) : message;
  if (error !== null) return new PilotfishError(error, why, { retryAfterMs });
  return new PilotfishError(
    'server-refused',
    `the server refuses: ${why} (${code}); ${clause(remedy)}`,
  );
}

/** Makes a clause of a sentence of the table. */
const clause = (sentence: string): string =>
  sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '');
