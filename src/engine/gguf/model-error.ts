// How this folder says no: one throw, and one place that puts the file's name in front of the reason.
// Never decides anything.

import { type ErrorCode, PilotfishError } from '../../base/error.js';

/** Throws PilotfishError. `reason` says what is wrong, where, and with which bound; the file is named by `naming`. */
export function refuseModel(code: ErrorCode, reason: string): never {
  throw new PilotfishError(code, reason);
}

/** Refuses with `model-malformed` unless `condition` holds. */
export function demand(condition: boolean, reason: string): asserts condition {
  if (!condition) refuseModel('model-malformed', reason);
}

/** Runs `work`; a PilotfishError that leaves it gets `path: ` in front of its message, unless it has it already. */
export function naming<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (reason) {
    if (!(reason instanceof PilotfishError) || reason.message.startsWith(`${path}: `)) throw reason;
    throw new PilotfishError(reason.code, `${path}: ${reason.message}`, { cause: reason.cause });
  }
}

/** A name or text from a file made fit for a message: quoted, control characters escaped, cut to 64 characters. */
export function quoted(text: string): string {
  const cut = text.length > 64 ? `${text.slice(0, 61)}...` : text;
  return JSON.stringify(cut);
}
