// Runs a server's draft engine under virtual time, beside its target's: drafts run one after
// another, for as long as the cost model says. Faults make it fail, slow down, or draft nonsense.

import { PilotfishError } from '../base/error.js';
import type { DraftEachResult, DraftRequest } from '../engine/engine.js';
import type { EngineCore } from '../engine/engine-core.js';
import { type PassCost, passMsOf } from '../math/pass-time.js';
import type { ServerInput } from '../server/core/event.js';
import type { Random } from './random.js';
import type { Timeline, Timer } from './timeline.js';

interface Asked {
  readonly id: number;
  readonly requests: readonly DraftRequest[];
}

export interface DraftEngineParts {
  readonly timeline: Timeline;
  readonly core: EngineCore;
  readonly cost: PassCost;
  readonly vocabSize: number;
  readonly random: Random;
  readonly answer: (event: ServerInput) => void;
}

export class SimDraftEngine {
  readonly #parts: DraftEngineParts;
  readonly #queue: Asked[] = [];
  #timer: Timer | null = null;
  #failuresLeft = 0;
  #slowness = 1;
  #isWrong = false;
  #isUsed = false;

  constructor(parts: DraftEngineParts) {
    this.#parts = parts;
  }

  /** Whether drafts were asked for since this was asked last: the core may have given it up. */
  takeUse(): boolean {
    const isUsed = this.#isUsed;
    this.#isUsed = false;
    return isUsed;
  }

  draft(id: number, requests: readonly DraftRequest[]): void {
    this.#isUsed = true;
    this.#queue.push({ id, requests });
    this.#next();
  }

  /** The next drafts fail. */
  failNext(count: number): void {
    this.#failuresLeft = count;
  }

  /** Passes take so many times longer from now on. */
  slow(factor: number): void {
    this.#slowness = factor;
  }

  /** Whether it drafts any tokens from now on. */
  err(isWrong: boolean): void {
    this.#isWrong = isWrong;
  }

  /** Its process is gone. */
  stop(): void {
    this.#parts.timeline.cancel(this.#timer);
    this.#timer = null;
    this.#queue.length = 0;
  }

  #next(): void {
    if (this.#timer !== null) return;
    const asked = this.#queue.shift();
    if (asked === undefined) return;
    const { event, ms } = this.#carryOut(asked);
    const { timeline } = this.#parts;
    this.#timer = timeline.at(timeline.nowMs + ms, () => {
      this.#timer = null;
      this.#parts.answer(event);
      this.#next();
    });
  }

  /** At once; only the answer waits, since nothing else touches these slots. */
  #carryOut({ id, requests }: Asked): { event: ServerInput; ms: number } {
    if (this.#failuresLeft > 0) {
      this.#failuresLeft--;
      return { event: { kind: 'draft-failed', id, message: 'as the fault wants it' }, ms: 1 };
    }
    try {
      const result = this.#timed(this.#parts.core.draftEach(requests));
      const ms = result.passes.reduce((sum, pass) => sum + pass.ms, 0);
      return { event: { kind: 'drafted', id, result }, ms };
    } catch (reason) {
      if (!(reason instanceof PilotfishError)) throw reason;
      return { event: { kind: 'draft-failed', id, message: reason.message }, ms: 0 };
    }
  }

  #timed({ ends, passes }: DraftEachResult): DraftEachResult {
    const { cost, random, vocabSize } = this.#parts;
    const nonsense = () => random.below(vocabSize);
    return {
      ends: this.#isWrong
        ? ends.map((end) => ({
            ...end,
            drafted: end.drafted.map((token) => ({ ...token, token: nonsense() })),
          }))
        : ends,
      passes: passes.map((pass) => ({ ...pass, ms: passMsOf(cost, pass) * this.#slowness })),
    };
  }
}
