// The server's failures as errors for the caller of the device.

import { PilotfishError } from '../../base/error.js';
import { codeTable } from '../../protocol/code.js';
import type { Failure } from '../../protocol/frame.js';

/** The error that a Failure frame of the server comes to. */
export function errorOfFailure({ code, message }: Failure): PilotfishError {
  const { error, meaning, remedy } = codeTable[code];
  if (error !== null) return new PilotfishError(error, message);
  const why = message === '' ? clause(meaning) : message;
  return new PilotfishError(
    'server-refused',
    `the server refuses: ${why} (${code}); ${clause(remedy)}`,
  );
}

/** A sentence of the table inside another one. */
const clause = (sentence: string): string =>
  sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '');
