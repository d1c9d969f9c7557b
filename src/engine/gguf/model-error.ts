// Throws the errors of GGUF checks, and puts the file's name before each reason. Never decides
// anything.

import { type ErrorCode, PilotfishError } from '../../base/error.js';

/** Throws PilotfishError. `reason` gives fault, place and bound; `naming` adds the file. */
export function refuseModel(code: ErrorCode, reason: string): never {
  throw new PilotfishError(code, reason);
}

/** Refuses with `model-malformed` unless `condition` holds. */
export function demand(condition: boolean, reason: string): asserts condition {
  if (!condition) refuseModel('model-malformed', reason);
}

/**
 * Runs `work`; puts `path: ` before the message of a PilotfishError it throws, unless it is there
 * already.
 */
export function naming<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (reason) {
    if (!(reason instanceof PilotfishError) || reason.message.startsWith(`${path}: `)) throw reason;
    throw new PilotfishError(reason.code, `${path}: ${reason.message}`, { cause: reason.cause });
  }
}

/** Quotes a text from a file for a message: control characters escaped, cut to 64 characters. */
export function quoted(text: string): string {
  const cut = text.length > 64 ? `${text.slice(0, 61)}...` : text;
  return JSON.stringify(cut);
}
