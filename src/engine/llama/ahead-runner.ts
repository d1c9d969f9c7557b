// Runs passes of plain streams ahead in the thread that computes, and tells each. A slow pass is
// computed once the one before it was asked for through AskFlags; fast ones may lead by some
// milliseconds.

import type { PassResult } from '../engine.js';
import type { PassAhead } from '../pass-ahead.js';
import type { AskFlags } from './ask-flags.js';

/** @param result null: the step failed, and has to be asked for by a pass. */
export type TellAhead = (run: number, step: number, result: PassResult | null) => void;

/** Longest time computed that was not asked for, where that is more than one step. */
const leadMs = 8;

export class AheadRunner {
  readonly #ahead: PassAhead;
  readonly #flags: AskFlags;
  readonly #tell: TellAhead;
  #run = 0;
  /** Steps of the run that were told. */
  #toldCount = 0;
  /** Those of them that were asked for. */
  #askedCount = 0;
  #stepMs = 0;

  constructor(ahead: PassAhead, flags: AskFlags, tell: TellAhead) {
    this.#ahead = ahead;
    this.#flags = flags;
    this.#tell = tell;
  }

  /** A pass has been answered that others follow. */
  begin(run: number): void {
    this.#run = run;
    this.#toldCount = 0;
    this.#askedCount = 0;
  }

  /** Does what was asked for before a message. Call before the message is handled. */
  honour(): void {
    do this.#confirm();
    while (this.#isAsked(this.#toldCount + 1) && this.#compute());
  }

  /** Computes ahead as far as it may, then parks. @param hasMessage whether a message waits. */
  advance(hasMessage: () => boolean): void {
    while (!hasMessage()) {
      this.#confirm();
      if (this.#mayCompute()) {
        if (!this.#compute()) return;
        continue;
      }
      this.#flags.park();
      if (!this.#isAsked(this.#askedCount + 1)) return;
      this.#flags.unpark();
    }
  }

  #mayCompute(): boolean {
    const lead = this.#toldCount - this.#askedCount;
    return lead === 0 || (lead + 1) * this.#stepMs <= leadMs;
  }

  #isAsked(step: number): boolean {
    return this.#flags.asked(this.#run, step) !== null;
  }

  #confirm(): void {
    while (this.#askedCount < this.#toldCount) {
      const asked = this.#flags.asked(this.#run, this.#askedCount + 1);
      if (asked === null) return;
      this.#askedCount++;
      this.#ahead.confirm(asked.continues);
    }
  }

  /** @returns false where nothing more is expected of the run. */
  #compute(): boolean {
    const result = this.#ahead.computeAhead();
    if (result === null) return false;
    if (result === 'failed') {
      this.#tell(this.#run, this.#toldCount + 1, null);
      return false;
    }
    this.#toldCount++;
    this.#stepMs = result.decodeMs + result.judgeMs;
    this.#tell(this.#run, this.#toldCount, result);
    return true;
  }
}
