// Records how long an engine's passes take, and how many tokens each segment feeds.

import type { Engine } from '../../engine/engine.js';
import { withPass } from './paced-engine.js';

export interface RecordedPass {
  /** Of each segment. */
  readonly tokenCounts: readonly number[];
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
        const tokenCounts = segments.map(({ tokens }) => tokens.length);
        const { decodeMs, judgeMs } = result;
        this.#passes.push({ tokenCounts, decodeMs, judgeMs });
      }
      return result;
    });
  }

  /** Takes the passes since the last call. */
  take(): RecordedPass[] {
    return this.#passes.splice(0);
  }
}
