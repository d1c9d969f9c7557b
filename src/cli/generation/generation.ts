// Writes one text with the engines and counts tokens, rounds and time. The only file where the
// command line uses the local loop. Prints nothing.

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
  /** Written tokens, including the one that completes a stop string. */
  readonly tokens: readonly number[];
  /** [tokens], where asked for. */
  readonly logprobs: readonly TokenLogprobs[];
  readonly end: TextEnd;
  readonly tally: AcceptanceTally;
  readonly targetTimes: EngineTimes;
  readonly draftTimes: EngineTimes;
  /** Milliseconds from the end of the target's prefill; includes the draft's prefill. */
  readonly generationMs: number;
}

export interface GenerationOptions {
  /** [n], none empty. */
  readonly stops: readonly string[];
  readonly show: Show;
  readonly signal: AbortSignal;
  /** Milliseconds of a steady clock. */
  readonly now: () => number;
}

/** The text, also when the signal ended it. @throws as `speculate`, except `cancelled`. */
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
      if (marked.stopped) end = 'stop';
    }
  }
  marked.end();
  const generationMs = Math.max(0, now() - started - targetTimes.prefillMs);
  const { text } = marked;
  const kept = logprobs.slice(0, tokens.length);
  return { text, tokens, logprobs: kept, end, tally, targetTimes, draftTimes, generationMs };
}

/** The next round, or null once the signal aborts. Does not wait for a long prefill. */
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
