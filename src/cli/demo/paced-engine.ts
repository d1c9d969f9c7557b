// An engine whose passes take a time of our choosing: the model behind it computes, and the answer is held back. Stands
// for a large model on a machine that is not here; whatever it is used for is called emulated.

import type { Engine, OnHints, PassResult, Segment } from '../../engine/engine.js';

/** Milliseconds of a pass: fixed, and for each row judged beyond the first of the pass. */
export interface PassPace {
  readonly passMs: number;
  readonly rowMs: number;
}

/**
 * Waits on timers, so a pass ends up to about a millisecond late; what it took is in its result. Hints come when the
 * model has them.
 *
 * @param paceNow asked at every pass; null lets it take what it takes.
 */
export function pacedEngine(engine: Engine, paceNow: () => PassPace | null): Engine {
  const pass = async (segments: readonly Segment[], onHints?: OnHints): Promise<PassResult> => {
    const startedMs = performance.now();
    const pace = paceNow();
    const result = await engine.pass(segments, onHints);
    if (pace === null) return result;
    const { passMs, rowMs } = pace;
    const rows = segments.reduce((sum, { judge }) => sum + (judge ? judge.draftCount + 1 : 0), 0);
    const dueMs = startedMs + passMs + rowMs * Math.max(0, rows - 1);
    const leftMs = dueMs - performance.now();
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    return { ...result, decodeMs: performance.now() - startedMs, judgeMs: 0 };
  };
  return withPass(engine, pass);
}

/**
 * Says that every pass took `passMs`, whatever it took. A toy costs nothing but for its rows, and a server that measured
 * that would advise its devices to draft next to nothing.
 */
export function nominalEngine(engine: Engine, passMs: number): Engine {
  return withPass(engine, async (segments, onHints) => {
    const { outcomes } = await engine.pass(segments, onHints);
    return { outcomes, decodeMs: passMs, judgeMs: 0 };
  });
}

/** An engine with another pass in front of its own. */
export function withPass(engine: Engine, pass: Engine['pass']): Engine {
  return {
    info: engine.info,
    pass,
    open: (slot, config) => engine.open(slot, config),
    draft: (request, onToken) => engine.draft(request, onToken),
    draftEach: (steps) => engine.draftEach(steps),
    truncate: (slot, length) => engine.truncate(slot, length),
    copyPrefix: (from, to, length) => engine.copyPrefix(from, to, length),
    save: (slot) => engine.save(slot),
    restore: (slot, state, config) => engine.restore(slot, state, config),
    close: () => engine.close(),
  };
}
