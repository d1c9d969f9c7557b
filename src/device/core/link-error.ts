// What can go wrong between a device and its server, as errors for the caller. A failure that base/error.ts knows keeps
// its code there; those of the link alone have an entry here, of the same form.

import { type ErrorCode, type ErrorEntry, PilotfishError } from '../../base/error.js';
import { codeTable } from '../../protocol/code.js';
import type { Failure } from '../../protocol/frame.js';

/** Errors of the link; exit code 4 for all. */
export const linkErrorTable = {
  'server-unreachable': {
    meaning: 'No server answers at the address.',
    remedy: 'Check the address and that `pilotfish serve` runs there.',
    httpStatus: 503,
    exitCode: 4,
    retryable: true,
  },
  'link-lost': {
    meaning: 'The connection to the server was lost and the fallback policy says to stop.',
    remedy: 'Try again, or choose --fallback wait or provisional.',
    httpStatus: 503,
    exitCode: 4,
    retryable: true,
  },
  'server-refused': {
    meaning: 'The server refuses the connection or the session.',
    remedy: 'Read the reason in the message.',
    httpStatus: 502,
    exitCode: 4,
    retryable: false,
  },
  'protocol-violated': {
    meaning: 'The server sent what the protocol does not allow.',
    remedy: 'Run the same version of pilotfish on both ends.',
    httpStatus: 502,
    exitCode: 4,
    retryable: false,
  },
} as const satisfies Record<string, ErrorEntry>;

export type LinkErrorCode = keyof typeof linkErrorTable;

/** A PilotfishError whose code and entry are those of the link. */
export class LinkError extends PilotfishError {
  constructor(code: LinkErrorCode, message: string) {
    // The closed list of base/error.ts does not know the link; `entry` below answers for these codes.
    super(code as string as ErrorCode, message);
  }

  override get entry(): ErrorEntry {
    return linkErrorTable[this.code as string as LinkErrorCode];
  }
}

/** The error that a Failure frame of the server comes to. */
export function errorOfFailure(failure: Failure): PilotfishError {
  const { code, message } = failure;
  const { error, meaning } = codeTable[code];
  if (error !== null) return new PilotfishError(error, message);
  return new LinkError('server-refused', `${meaning} ${message} (${code})`);
}
