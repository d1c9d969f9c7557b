// Turns what goes wrong between here and the hub into our codes and into sentences that say what to do.
// The status is read before the library sees the answer: its own errors drop the headers that say why.

import { PilotfishError } from '../../base/error.js';

export interface HubFailure {
  readonly error: PilotfishError;
  /** `retry`: the same request may succeed later. `restart`: it may, from the first byte. */
  readonly action: 'give-up' | 'retry' | 'restart';
}

/** What was asked of whom; everything a message needs. */
export interface HubQuestion {
  /** What was asked for, in the user's words. */
  readonly subject: string;
  /** Host and port of the hub. */
  readonly host: string;
  /** Address where a person can look at the repository. */
  readonly repoPage: string;
  readonly withToken: boolean;
}

export const downloadFailed = (message: string, cause?: unknown): PilotfishError =>
  new PilotfishError('download-failed', message, cause === undefined ? undefined : { cause });

/** A failure of the disk, which no second try mends. */
export function fileFailed(path: string, reason: unknown): PilotfishError {
  const code = (reason as NodeJS.ErrnoException).code ?? String(reason);
  const why = code === 'ENOSPC' ? 'the disk is full' : code;
  return downloadFailed(`cannot write ${path}: ${why}`, reason);
}

/** An answer with a status that is no success. */
export function statusFailure(response: Response, question: HubQuestion): HubFailure {
  const { status } = response;
  const said = response.headers.get('x-error-code') ?? '';
  if (status === 401 || status === 403) {
    return { error: refused(status, said, question), action: 'give-up' };
  }
  if (status === 404) return { error: missing(said, question), action: 'give-up' };
  const why = status === 429 ? 'is limiting requests' : `answered with status ${status}`;
  const passing = status === 429 || status === 408 || status >= 500;
  return {
    error: downloadFailed(`${question.host} ${why} for ${question.subject}`),
    action: passing ? 'retry' : 'give-up',
  };
}

function refused(status: number, said: string, question: HubQuestion): PilotfishError {
  const { subject, host, repoPage, withToken } = question;
  if (said === 'GatedRepo') {
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

function missing(said: string, { subject, host }: HubQuestion): PilotfishError {
  const what = missingThings[said] ?? 'repository, revision or file';
  return new PilotfishError('model-not-found', `${host} has no such ${what}: ${subject}`);
}

/** An answer that starts at another byte than the one asked for: appending it would spoil the file. */
export function rangeFailure(question: HubQuestion): HubFailure {
  const message = `${question.host} does not continue downloads: ${question.subject} starts over`;
  return { error: downloadFailed(message), action: 'restart' };
}

/** Silence for too long. */
export function stallFailure(question: HubQuestion, stallMs: number): HubFailure {
  const seconds = Math.round(stallMs / 1000);
  const message = `${question.host} sent nothing for ${seconds} s: ${question.subject}`;
  return { error: downloadFailed(message), action: 'retry' };
}

/** A request that got no answer, or whose answer broke off. */
export function networkFailure(reason: unknown, question: HubQuestion): HubFailure {
  const message = `no connection to ${question.host} for ${question.subject}: ${networkReason(reason)}`;
  return { error: downloadFailed(message, reason), action: 'retry' };
}

const networkWords: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is not known; offline?',
  EAI_AGAIN: 'the host name cannot be looked up; offline?',
  ENETUNREACH: 'the network cannot be reached; offline?',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was closed in the middle',
};

/** The system's own code, which fetch hides under a cause or two, in words; else what the innermost cause says. */
function networkReason(reason: unknown): string {
  let found = reason instanceof Error ? reason.message : String(reason);
  let next: unknown = reason;
  for (let depth = 0; depth < 5 && next instanceof Error; depth++) {
    const { code } = next as NodeJS.ErrnoException;
    if (typeof code === 'string')
      return networkWords[code] ? `${networkWords[code]} (${code})` : code;
    found = next.message || found;
    next = next.cause;
  }
  return found;
}
