// Turns failures of the hub into our error codes and messages. Reads the status before the library
// does, whose errors drop the headers that give the reason.

import { PilotfishError } from '../../base/error.js';

export interface HubFailure {
  readonly error: PilotfishError;
  /** `retry`: the same request may succeed later. `restart`: it may succeed from the first byte. */
  readonly action: 'give-up' | 'retry' | 'restart';
}

/** The facts of a request that messages need. */
export interface HubQuestion {
  /** What was requested, as the user named it. */
  readonly subject: string;
  /** Host and port of the hub. */
  readonly host: string;
  /** Address of the repository's page. */
  readonly repoPage: string;
  readonly withToken: boolean;
}

export const downloadFailed = (message: string, cause?: unknown): PilotfishError =>
  new PilotfishError('download-failed', message, cause === undefined ? undefined : { cause });

/** A disk failure, which a retry does not fix. */
export function fileFailed(path: string, reason: unknown): PilotfishError {
  const code = (reason as NodeJS.ErrnoException).code ?? String(reason);
  const why = code === 'ENOSPC' ? 'the disk is full' : code;
  return downloadFailed(`cannot write ${path}: ${why}`, reason);
}

/** A response with an error status. */
export function statusFailure(response: Response, question: HubQuestion): HubFailure {
  const { status } = response;
  const errorCode = response.headers.get('x-error-code') ?? '';
  if (status === 401 || status === 403) {
    return { error: refused(status, errorCode, question), action: 'give-up' };
  }
  if (status === 404) return { error: missing(errorCode, question), action: 'give-up' };
  const why = status === 429 ? 'is limiting requests' : `answered with status ${status}`;
  const passing = status === 429 || status === 408 || status >= 500;
  return {
    error: downloadFailed(`${question.host} ${why} for ${question.subject}`),
    action: passing ? 'retry' : 'give-up',
  };
}

function refused(status: number, errorCode: string, question: HubQuestion): PilotfishError {
  const { subject, host, repoPage, withToken } = question;
  if (errorCode === 'GatedRepo') {
    const how = withToken ? 'with the account of this token' : 'and set HF_TOKEN';
    return downloadFailed(`${subject} is gated: accept its terms at ${repoPage} ${how}`);
  }
  const why = withToken
    ? 'the token gives no access to it'
    : 'it is private, gated or does not exist, and HF_TOKEN is not set';
  return downloadFailed(`${host} refuses ${subject} (status ${status}): ${why}`);
}

const missingThings: Readonly<Record<string, string>> = {
  RevisionNotFound: 'revision',
  EntryNotFound: 'file',
  RepoNotFound: 'repository',
};

function missing(errorCode: string, { subject, host }: HubQuestion): PilotfishError {
  const what = missingThings[errorCode] ?? 'repository, revision or file';
  return new PilotfishError('model-not-found', `${host} has no such ${what}: ${subject}`);
}

/** A response that starts at another byte than requested; appending it would corrupt the file. */
export function rangeFailure(question: HubQuestion): HubFailure {
  const message = `${question.host} cannot resume downloads: ${question.subject} starts over`;
  return { error: downloadFailed(message), action: 'restart' };
}

/** No data for too long. */
export function stallFailure(question: HubQuestion, stallMs: number): HubFailure {
  const seconds = Math.round(stallMs / 1000);
  const message = `${question.host} sent nothing for ${seconds} s: ${question.subject}`;
  return { error: downloadFailed(message), action: 'retry' };
}

/** A request without a response, or whose response broke off. */
export function networkFailure(reason: unknown, question: HubQuestion): HubFailure {
  const message = `no connection to ${question.host} for ${question.subject}: ${networkReason(reason)}`;
  return { error: downloadFailed(message, reason), action: 'retry' };
}

const networkMessages: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is unknown; offline?',
  EAI_AGAIN: 'the host name cannot be looked up; offline?',
  ENETUNREACH: 'the network cannot be reached; offline?',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was closed in the middle',
};

/**
 * The system's error code, which fetch hides under a cause or two, with its message; else the
 * innermost message.
 */
function networkReason(reason: unknown): string {
  let found = reason instanceof Error ? reason.message : String(reason);
  let next: unknown = reason;
  for (let depth = 0; depth < 5 && next instanceof Error; depth++) {
    const { code } = next as NodeJS.ErrnoException;
    if (typeof code === 'string')
      return networkMessages[code] ? `${networkMessages[code]} (${code})` : code;
    found = next.message || found;
    next = next.cause;
  }
  return found;
}
