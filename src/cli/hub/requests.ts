// Sends requests to the hub. Cancels them, watches for stalls, checks where a resumed response
// starts, retries, and turns failures into errors of ours. Reads a status before the library, whose
// errors drop the headers with the reason.

import { setTimeout as wait } from 'node:timers/promises';
import { PilotfishError } from '../../base/error.js';
import { formatReference, type HubReference } from './reference.js';
import type { HubSettings } from './settings.js';

export interface HubFailure {
  readonly error: PilotfishError;
  /** `retry`: the same request may succeed later. `restart`: it may succeed from the first byte. */
  readonly action: 'give-up' | 'retry' | 'restart';
}

export interface RetryRules {
  readonly signal: AbortSignal;
  /** Longest wait for data, in milliseconds. */
  readonly stallMs: number;
  /** setTimeout, or a test's replacement. */
  readonly startTimer: (onEnd: () => void, ms: number) => { refresh(): unknown; close(): unknown };
  /** Tries in a row without a new byte, >= 1. */
  readonly attemptsMax: number;
  /** Rejects when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called before each wait. */
  readonly onRetry: (failure: HubFailure, waitMs: number) => void;
}

/** The rules of every command. */
export const standardRules = {
  stallMs: 30_000,
  attemptsMax: 5,
  startTimer: (onEnd: () => void, ms: number) => setTimeout(onEnd, ms),
  wait: (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }),
} as const;

const waitMs = (attempt: number): number => Math.min(1000 * 2 ** (attempt - 1), 16_000);

export const cancelled = (what: string): PilotfishError =>
  new PilotfishError('cancelled', `${what} was stopped`);

export const downloadFailed = (message: string, cause?: unknown): PilotfishError =>
  new PilotfishError('download-failed', message, cause === undefined ? undefined : { cause });

/** A disk failure, which a retry does not fix. */
export function fileFailed(path: string, reason: unknown): PilotfishError {
  const code = (reason as NodeJS.ErrnoException).code ?? String(reason);
  const why = code === 'ENOSPC' ? 'the disk is full' : code;
  return downloadFailed(`cannot write ${path}: ${why}`, reason);
}

/**
 * Runs `work` until it succeeds, fails for good, or fails `attemptsMax` times without a new byte.
 * Its own PilotfishErrors are final. @throws the last error, or `cancelled`.
 */
export async function withRetries<T>(
  reference: HubReference,
  settings: HubSettings,
  rules: RetryRules,
  work: (transport: HubTransport) => Promise<T>,
): Promise<T> {
  const subject = formatReference(reference);
  for (let attempt = 1; ; attempt++) {
    const transport = new HubTransport(reference, settings, rules);
    try {
      return await work(transport);
    } catch (reason) {
      if (rules.signal.aborted) throw cancelled(subject);
      const failure = transport.failureOf(reason);
      if (transport.hasProgressed) attempt = 1;
      if (failure.action === 'give-up' || attempt >= rules.attemptsMax) throw failure.error;
      rules.onRetry(failure, waitMs(attempt));
    } finally {
      transport.close();
    }
    await rules.wait(waitMs(attempt), rules.signal).catch(() => {
      throw cancelled(subject);
    });
  }
}

/** The `fetch` of one try. Keeps the reason of a failure, which the library reduces to a string. */
export class HubTransport {
  readonly #words: FailureWords;
  readonly #settings: HubSettings;
  readonly #signal: AbortSignal;
  readonly #timer: ReturnType<RetryRules['startTimer']>;
  #failure: HubFailure | null = null;
  #hasProgressed = false;

  constructor(reference: HubReference, settings: HubSettings, rules: RetryRules) {
    this.#words = wordsOf(reference, settings);
    this.#settings = settings;
    const stalled = new AbortController();
    this.#timer = rules.startTimer(() => {
      this.#failure = stallFailure(this.#words, rules.stallMs);
      stalled.abort(this.#failure.error);
    }, rules.stallMs);
    this.#signal = AbortSignal.any([rules.signal, stalled.signal]);
  }

  /** Parameters of every call of the library. */
  get params() {
    const { endpoint, token } = this.#settings;
    const accessToken = token === null ? {} : { accessToken: token };
    return { hubUrl: endpoint, fetch: this.#fetch, ...accessToken };
  }

  /** Whether bytes have arrived. */
  get hasProgressed(): boolean {
    return this.#hasProgressed;
  }

  /** Why the try failed: the last request's reason, which a caught error may only repeat. */
  failureOf(reason: unknown): HubFailure {
    if (this.#failure !== null) return this.#failure;
    if (reason instanceof PilotfishError) return { error: reason, action: 'give-up' };
    return networkFailure(this.#words, reason);
  }

  /** Call whenever bytes arrive, to restart the stall timer. */
  arrived(): void {
    this.#hasProgressed = true;
    this.#timer.refresh();
  }

  /** Ends the stall timer, for which the process would wait. */
  close(): void {
    this.#timer.close();
  }

  readonly #fetch: typeof fetch = async (input, init) => {
    try {
      this.#timer.refresh();
      const response = await fetch(input, { ...init, signal: this.#signal });
      this.#timer.refresh();
      const failure = responseFailure(this.#words, response, init);
      if (failure === null) return response;
      await response.body?.cancel();
      this.#failure = failure;
    } catch (reason) {
      this.#failure ??= networkFailure(this.#words, reason);
    }
    throw this.#failure.error;
  };
}

/** The facts of a request that messages need. */
type FailureWords = ReturnType<typeof wordsOf>;

const wordsOf = (reference: HubReference, { endpoint, token }: HubSettings) => ({
  subject: formatReference(reference),
  host: new URL(endpoint).host,
  repoPage: `${endpoint}/${reference.repo}`,
  withToken: token !== null,
});

function responseFailure(
  words: FailureWords,
  response: Response,
  init: RequestInit | undefined,
): HubFailure | null {
  if (!response.ok) return statusFailure(words, response);
  const wanted = rangeStart(new Headers(init?.headers).get('range'));
  if (wanted === 0 || rangeStart(response.headers.get('content-range')) === wanted) return null;
  // Appending another range would corrupt the file.
  const message = `${words.host} cannot resume downloads: ${words.subject} starts over`;
  return { error: downloadFailed(message), action: 'restart' };
}

/** First byte of `bytes=7-9` or `bytes 7-9/10`; 0 without a range. */
const rangeStart = (header: string | null): number =>
  Number(/^bytes[= ](\d+)-/.exec(header ?? '')?.[1] ?? 0);

function statusFailure(words: FailureWords, { status, headers }: Response): HubFailure {
  const { subject, host } = words;
  const errorCode = headers.get('x-error-code') ?? '';
  if (status === 401 || status === 403) {
    return { error: downloadFailed(refusal(words, status, errorCode)), action: 'give-up' };
  }
  if (status === 404) {
    const message = `${host} has no such ${missingThings[errorCode] ?? 'repository, revision or file'}: ${subject}`;
    return { error: new PilotfishError('model-not-found', message), action: 'give-up' };
  }
  const why = status === 429 ? 'is limiting requests' : `answered with status ${status}`;
  const isPassing = status === 429 || status === 408 || status >= 500;
  const error = downloadFailed(`${host} ${why} for ${subject}`);
  return { error, action: isPassing ? 'retry' : 'give-up' };
}

const missingThings: Readonly<Record<string, string>> = {
  RevisionNotFound: 'revision',
  EntryNotFound: 'file',
  RepoNotFound: 'repository',
};

function refusal(words: FailureWords, status: number, errorCode: string): string {
  const { subject, host, repoPage, withToken } = words;
  if (errorCode === 'GatedRepo') {
    const how = withToken ? 'with the account of this token' : 'and set HF_TOKEN';
    return `${subject} is gated: accept its terms at ${repoPage} ${how}`;
  }
  const why = withToken
    ? 'the token gives no access to it'
    : 'it is private, gated or does not exist, and HF_TOKEN is not set';
  return `${host} refuses ${subject} (status ${status}): ${why}`;
}

function stallFailure({ host, subject }: FailureWords, stallMs: number): HubFailure {
  const message = `${host} sent nothing for ${Math.round(stallMs / 1000)} s: ${subject}`;
  return { error: downloadFailed(message), action: 'retry' };
}

/** A request without a response, or whose response broke off. */
function networkFailure({ host, subject }: FailureWords, reason: unknown): HubFailure {
  const message = `no connection to ${host} for ${subject}: ${networkReason(reason)}`;
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

/** The system's error code, which fetch hides under a cause or two; else the innermost message. */
function networkReason(reason: unknown): string {
  let found = reason instanceof Error ? reason.message : String(reason);
  let next: unknown = reason;
  for (let depth = 0; depth < 5 && next instanceof Error; depth++) {
    const { code } = next as NodeJS.ErrnoException;
    if (typeof code === 'string') {
      return networkMessages[code] ? `${networkMessages[code]} (${code})` : code;
    }
    found = next.message || found;
    next = next.cause;
  }
  return found;
}
