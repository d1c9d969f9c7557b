// Measures where the time of a text goes: wraps an engine and adds up the time of its calls. Takes
// its clock as an argument and does not change the calls.

import type { DraftEngine, Engine } from '../../engine/engine.js';
import { withPass } from '../demo/paced-engine.js';

/** Wall times in milliseconds of one engine's calls, as its caller waits for them. */
export interface EngineTimes {
  /** Passes without rows: the prompt. */
  prefillMs: number;
  /** Passes with rows, and how many. */
  passMs: number;
  passCount: number;
  /** Draft loops, and their tokens; the first loop of a text reads the prompt. */
  draftMs: number;
  draftedCount: number;
}

export const noTimes = (): EngineTimes => ({
  prefillMs: 0,
  passMs: 0,
  passCount: 0,
  draftMs: 0,
  draftedCount: 0,
});

/** The target, timed. @param times is added to. @param now milliseconds of a steady clock. */
export const timed = (engine: Engine, times: EngineTimes, now: () => number): Engine =>
  withPass(engine, async (segments) => {
    const started = now();
    const result = await engine.pass(segments);
    const isJudged = segments.some(({ judge }) => judge !== null);
    times[isJudged ? 'passMs' : 'prefillMs'] += now() - started;
    if (isJudged) times.passCount++;
    return result;
  });

/** The drafter, timed. */
export function timedDraft(
  engine: DraftEngine,
  times: EngineTimes,
  now: () => number,
): DraftEngine {
  return {
    info: engine.info,
    open: (...args) => engine.open(...args),
    truncate: (...args) => engine.truncate(...args),
    draft(request, onToken) {
      const started = now();
      const run = engine.draft(request, onToken);
      const done = run.done.then((end) => {
        times.draftMs += now() - started;
        times.draftedCount += end.drafted.length;
        return end;
      });
      return { stop: () => run.stop(), done };
    },
  };
}
