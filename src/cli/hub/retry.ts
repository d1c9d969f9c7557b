// Tries work against the hub again while that makes sense: after a broken connection, a stall, a busy server.
// Never repeats what cannot succeed. Timer and wait are arguments, so that a test needs no clock.

import { setTimeout as wait } from 'node:timers/promises';
import { PilotfishError } from '../../base/error.js';
import { type HubFailure, type HubQuestion, networkFailure } from './failure.js';
import { createTransport, type HubTransport, type StallLimit } from './transport.js';

export interface RetryRules extends StallLimit {
  readonly signal: AbortSignal;
  /** Tries in a row without a new byte, >= 1. */
  readonly attemptsMax: number;
  /** Waits; rejects when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called before each wait. */
  readonly onRetry: (failure: HubFailure, waitMs: number) => void;
}

/** What every command uses. */
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
 * Runs `work` until it succeeds, fails for good, or has failed `attemptsMax` times in a row without a byte arriving.
 * Throws what the last try failed with, or `cancelled`.
 *
 * @param work gets a transport of its own; errors that it throws as PilotfishError, not by way of the transport,
 *   are final.
 */
export async function withRetries<T>(
  question: HubQuestion,
  rules: RetryRules,
  work: (transport: HubTransport) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const transport = createTransport(question, rules.signal, rules);
    let progressed = false;
    const watched: HubTransport = {
      ...transport,
      arrived() {
        progressed = true;
        transport.arrived();
      },
    };
    try {
      return await work(watched);
    } catch (reason) {
      if (rules.signal.aborted) throw cancelled(question.subject);
      const failure = failureOf(reason, transport, question);
      if (progressed) attempt = 1;
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
  const known = transport.failure();
  if (known !== null) return known;
  if (reason instanceof PilotfishError) return { error: reason, action: 'give-up' };
  return networkFailure(reason, question);
}
