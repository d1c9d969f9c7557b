// Records the shapes of an engine's passes, so that the same batches can be run without the stack
// around them.

import type { Engine } from '../../engine/engine.js';
import { withPass } from './paced-engine.js';

/** One segment: slot, first position, tokens fed, rows judged. */
export type SegmentShape = readonly [slot: number, from: number, tokens: number, rows: number];

export interface RecordedPass {
  readonly segments: readonly SegmentShape[];
  readonly decodeMs: number;
  readonly judgeMs: number;
}

/** Later passes are not recorded. */
const passesMax = 20_000;

export class PassRecorder {
  readonly engine: Engine;
  #passes: RecordedPass[] = [];

  constructor(engine: Engine) {
    this.engine = withPass(engine, async (segments, onHints) => {
      const result = await engine.pass(segments, onHints);
      if (this.#passes.length < passesMax) {
        const shapes = segments.map(
          ({ slot, from, tokens, judge }) =>
            [slot, from, tokens.length, judge ? judge.draftCount + 1 : 0] as const,
        );
        const { decodeMs, judgeMs } = result;
        this.#passes.push({ segments: shapes, decodeMs, judgeMs });
      }
      return result;
    });
  }

  /** Takes the passes since the last call. */
  take(): RecordedPass[] {
    return this.#passes.splice(0);
  }
}
