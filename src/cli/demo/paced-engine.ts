// Wraps an engine so that its passes take a chosen time: the model computes, and the result is held
// back. Stands for a large model; every use is called emulated.

import type {
  DraftEachResult,
  DraftRequest,
  Engine,
  OnHints,
  PassResult,
  Segment,
} from '../../engine/engine.js';

/** Milliseconds of a pass: a fixed part, and a part for each row after the first. */
export interface PassPace {
  readonly passMs: number;
  readonly rowMs: number;
}

/**
 * Delays passes, which end up to about a millisecond late; the result has the measured time.
 * @param paceNow read at every pass; null: no delay.
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

/** Reports `passMs` for every pass: a server that measured a toy engine would advise no drafts. */
export function nominalEngine(engine: Engine, passMs: number): Engine {
  return withPass(engine, async (segments, onHints) => {
    const { outcomes } = await engine.pass(segments, onHints);
    return { outcomes, decodeMs: passMs, judgeMs: 0 };
  });
}

/** Delays the passes of a draft engine. @param passMsNow read at every draft; null: no delay. */
export function pacedDrafts(engine: Engine, passMsNow: () => number | null): Engine {
  const draftEach = async (requests: readonly DraftRequest[]): Promise<DraftEachResult> => {
    const startedMs = performance.now();
    const { ends, passes } = await engine.draftEach(requests);
    const passMs = passMsNow();
    if (passMs === null) return { ends, passes };
    const leftMs = startedMs + passMs * passes.length - performance.now();
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    return { ends, passes: passes.map((pass) => ({ ...pass, ms: Math.max(pass.ms, passMs) })) };
  };
  return { ...withPass(engine, (...args) => engine.pass(...args)), draftEach };
}

/** An engine with its own pass replaced. */
export function withPass(engine: Engine, pass: Engine['pass']): Engine {
  return {
    info: engine.info,
    pass,
    open: (...args) => engine.open(...args),
    draft: (request, onToken) => engine.draft(request, onToken),
    draftEach: (requests) => engine.draftEach(requests),
    truncate: (slot, length) => engine.truncate(slot, length),
    copyPrefix: (from, to, length) => engine.copyPrefix(from, to, length),
    save: (slot) => engine.save(slot),
    restore: (...args) => engine.restore(...args),
    see: (image) => engine.see(image),
    forget: (first) => engine.forget(first),
    close: () => engine.close(),
  };
}
