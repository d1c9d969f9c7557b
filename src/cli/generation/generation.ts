// Writes one text with the engines and counts what happened: tokens, rounds, time, why it ended. The one place where a
// command line meets the local loop. Prints nothing itself.

import type { DraftEngine, Engine } from '../../engine/engine.js';
import {
  type SpeculateRequest,
  type SpeculationEnd,
  type SpeculationRound,
  speculate,
} from '../../engine/local/speculate.js';
import { AcceptanceTally } from '../../math/acceptance.js';
import type { TokenLogprobs } from '../../math/logprobs.js';
import type { TextEnd } from '../screen/summary.js';
import { MarkedText, type Show } from './marked-text.js';
import { type EngineTimes, noTimes, timed, timedDraft } from './stopwatch.js';

export interface GeneratedText {
  /** Without the prompt and without the stop string. */
  readonly text: string;
  /** Tokens written, the one that completes a stop string included. */
  readonly tokens: readonly number[];
  /** [tokens], where asked for. */
  readonly logprobs: readonly TokenLogprobs[];
  readonly end: TextEnd;
  readonly tally: AcceptanceTally;
  readonly targetTimes: EngineTimes;
  readonly draftTimes: EngineTimes;
  /** From the end of the target's prefill to the last token, in milliseconds; the draft reads the prompt in it. */
  readonly generationMs: number;
}

export interface GenerationOptions {
  /** [n], none empty. */
  readonly stops: readonly string[];
  readonly show: Show;
  /** Told of every round after its text was shown; awaited, so that a viewer can set the pace. */
  readonly onRound?: (round: SpeculationRound) => void | Promise<void>;
  readonly signal: AbortSignal;
  /** Milliseconds of a steady clock. */
  readonly now: () => number;
}

/**
 * @param draft null for the target alone.
 * @returns what was written, also when the signal ended it.
 * @throws PilotfishError as `speculate`, but for `cancelled`.
 */
export async function generateText(
  target: Engine,
  draft: DraftEngine | null,
  request: SpeculateRequest,
  options: GenerationOptions,
): Promise<GeneratedText> {
  const { now, signal } = options;
  const [targetTimes, draftTimes] = [noTimes(), noTimes()];
  const watched = timed(target, targetTimes, now);
  const rounds = speculate(watched, draft && timedDraft(draft, draftTimes, now), request);
  const marked = new MarkedText(target.info.vocabulary, options);
  const tally = new AcceptanceTally();
  const tokens: number[] = [];
  const logprobs: TokenLogprobs[] = [];
  const started = now();
  let end: TextEnd | null = null;
  while (end === null) {
    const step = await nextOrAbort(rounds, signal);
    if (step === null) end = 'interrupted';
    else if (step.done) end = step.value;
    else {
      tally.addRound(step.value.drafted.length, step.value.acceptedCount);
      tokens.push(...marked.push(step.value));
      logprobs.push(...(step.value.logprobs ?? []));
      await options.onRound?.(step.value);
      if (marked.stopped) end = 'stop';
    }
  }
  marked.end();
  const generationMs = Math.max(0, now() - started - targetTimes.prefillMs);
  const { text } = marked;
  const told = logprobs.slice(0, tokens.length);
  return { text, tokens, logprobs: told, end, tally, targetTimes, draftTimes, generationMs };
}

/**
 * The next round, or null as soon as the signal comes: a long prefill is not waited for. What is still under way ends
 * when the engines are closed, and its end concerns nobody.
 */
async function nextOrAbort(
  rounds: AsyncGenerator<SpeculationRound, SpeculationEnd>,
  signal: AbortSignal,
): Promise<IteratorResult<SpeculationRound, SpeculationEnd> | null> {
  if (signal.aborted) return null;
  const next = rounds.next();
  let stop = (): void => undefined;
  const aborted = new Promise<null>((resolve) => {
    stop = () => resolve(null);
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([next, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
    next.catch(() => undefined);
  }
}
