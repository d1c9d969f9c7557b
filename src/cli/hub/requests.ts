// Sends requests to the hub. Cancels them, watches for stalls, checks where a resumed response
// starts, and retries after a broken connection, a stall or a busy server. Tests replace timer and
// wait.

import { setTimeout as wait } from 'node:timers/promises';
import { PilotfishError } from '../../base/error.js';
import {
  type HubFailure,
  type HubQuestion,
  networkFailure,
  rangeFailure,
  stallFailure,
  statusFailure,
} from './failure.js';

export interface RetryRules {
  readonly signal: AbortSignal;
  /** Longest wait for data, in milliseconds. */
  readonly stallMs: number;
  /** setTimeout, or a test's replacement. */
  readonly startTimer: (onEnd: () => void, ms: number) => { refresh(): unknown; close(): unknown };
  /** Tries in a row without a new byte, >= 1. */
  readonly attemptsMax: number;
  /** Waits; rejects when the signal aborts. */
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

/**
 * Runs `work` until it succeeds, fails for good, or has failed `attemptsMax` times in a row without
 * a new byte.
 *
 * @param work gets a transport of its own. An error that it throws as PilotfishError, without the
 *   transport, is final.
 * @throws PilotfishError of the last try, or `cancelled`.
 */
export async function withRetries<T>(
  question: HubQuestion,
  rules: RetryRules,
  work: (transport: HubTransport) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const transport = new HubTransport(question, rules);
    try {
      return await work(transport);
    } catch (reason) {
      if (rules.signal.aborted) throw cancelled(question.subject);
      const failure = failureOf(reason, transport, question);
      if (transport.hasProgressed) attempt = 1;
      if (failure.action === 'give-up' || attempt >= rules.attemptsMax) throw failure.error;
      rules.onRetry(failure, waitMs(attempt));
    } finally {
      transport.close();
    }
    await rules.wait(waitMs(attempt), rules.signal).catch(() => {
      throw cancelled(question.subject);
    });
  }
}

function failureOf(reason: unknown, transport: HubTransport, question: HubQuestion): HubFailure {
  const { failure } = transport;
  if (failure !== null) return failure;
  if (reason instanceof PilotfishError) return { error: reason, action: 'give-up' };
  return networkFailure(reason, question);
}

/** The `fetch` of one try. Keeps the reason of a failure, which the library reduces to a string. */
export class HubTransport {
  readonly #question: HubQuestion;
  readonly #signal: AbortSignal;
  readonly #timer: ReturnType<RetryRules['startTimer']>;
  #failure: HubFailure | null = null;
  #hasProgressed = false;

  constructor(question: HubQuestion, { signal, stallMs, startTimer }: RetryRules) {
    this.#question = question;
    const stalled = new AbortController();
    this.#timer = startTimer(() => {
      this.#failure = stallFailure(question, stallMs);
      stalled.abort(this.#failure.error);
    }, stallMs);
    this.#signal = AbortSignal.any([signal, stalled.signal]);
  }

  /** Why the last request failed, or null. The error that a caller catches may only repeat it. */
  get failure(): HubFailure | null {
    return this.#failure;
  }

  /** Whether bytes have arrived. */
  get hasProgressed(): boolean {
    return this.#hasProgressed;
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

  readonly fetch: typeof fetch = (input, init) =>
    this.#answer(input, init).catch((reason: unknown) => {
      this.#failure ??= networkFailure(reason, this.#question);
      throw this.#failure.error;
    });

  async #answer(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
    this.#timer.refresh();
    const response = await fetch(input, { ...init, signal: this.#signal });
    this.#timer.refresh();
    const failure = responseFailure(response, init, this.#question);
    if (failure === null) return response;
    await response.body?.cancel();
    this.#failure = failure;
    throw failure.error;
  }
}

function responseFailure(
  response: Response,
  init: RequestInit | undefined,
  question: HubQuestion,
): HubFailure | null {
  if (!response.ok) return statusFailure(response, question);
  const wanted = rangeStart(new Headers(init?.headers).get('range'));
  if (wanted > 0 && rangeStart(response.headers.get('content-range')) !== wanted) {
    return rangeFailure(question);
  }
  return null;
}

/** First byte of `bytes=7-9` or `bytes 7-9/10`; 0 without a range. */
function rangeStart(header: string | null): number {
  const [, start] = /^bytes[= ](\d+)-/.exec(header ?? '') ?? [];
  return Number(start ?? 0);
}
