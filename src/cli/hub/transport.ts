// The fetch function that the hub library is given: it cancels, watches for stalls, checks that a resumed answer starts
// where it was asked to, and keeps the real reason of a failure, which the library reduces to a string.

import {
  type HubFailure,
  type HubQuestion,
  networkFailure,
  rangeFailure,
  stallFailure,
  statusFailure,
} from './failure.js';

export interface HubTransport {
  readonly fetch: typeof fetch;
  /** Why the last request failed, or null. What a caller catches may be a mere echo of it. */
  failure(): HubFailure | null;
  /** To be called whenever bytes arrive: puts the stall off. */
  arrived(): void;
  /** Ends the watch. Must be called, or the process waits for the timer. */
  close(): void;
}

/** How long silence is borne, and the clock that measures it. */
export interface StallLimit {
  /** Longest silence, in milliseconds. */
  readonly stallMs: number;
  /** setTimeout, or what a test puts in its place. */
  readonly startTimer: (onEnd: () => void, ms: number) => { refresh(): unknown; close(): unknown };
}

/** @param signal aborts every request. */
export function createTransport(
  question: HubQuestion,
  signal: AbortSignal,
  { stallMs, startTimer }: StallLimit,
): HubTransport {
  let last: HubFailure | null = null;
  const stalled = new AbortController();
  const timer = startTimer(() => {
    last = stallFailure(question, stallMs);
    stalled.abort(last.error);
  }, stallMs);
  const either = AbortSignal.any([signal, stalled.signal]);

  async function answer(input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> {
    timer.refresh();
    const response = await fetch(input, { ...init, signal: either });
    timer.refresh();
    const failure = answerFailure(response, init, question);
    if (failure === null) return response;
    await response.body?.cancel();
    last = failure;
    throw failure.error;
  }

  return {
    fetch: (input, init) =>
      answer(input, init).catch((reason: unknown) => {
        last ??= networkFailure(reason, question);
        throw last.error;
      }),
    failure: () => last,
    arrived: () => void timer.refresh(),
    close: () => void timer.close(),
  };
}

function answerFailure(
  response: Response,
  init: RequestInit | undefined,
  question: HubQuestion,
): HubFailure | null {
  if (!response.ok) return statusFailure(response, question);
  const asked = rangeStart(new Headers(init?.headers).get('range'));
  if (asked > 0 && rangeStart(response.headers.get('content-range')) !== asked) {
    return rangeFailure(question);
  }
  return null;
}

/** First byte named by `bytes=7-9` or `bytes 7-9/10`; 0 where there is no range. */
function rangeStart(header: string | null): number {
  const [, start] = /^bytes[= ](\d+)-/.exec(header ?? '') ?? [];
  return Number(start ?? 0);
}
