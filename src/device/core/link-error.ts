// The server's failures as errors for the caller of the device.

import { PilotfishError } from '../../base/error.js';
import { codeTable } from '../../protocol/code.js';
import type { Failure } from '../../protocol/frame.js';

/** The error that a Failure frame of the server comes to. */
export function errorOfFailure({ code, message }: Failure): PilotfishError {
  const { error, meaning } = codeTable[code];
  if (error !== null) return new PilotfishError(error, message);
  return new PilotfishError('server-refused', `${meaning} ${message} (${code})`);
}
