// Runs passes of plain streams ahead in the thread that computes, and tells each as soon as it is
// there. The first step of a run is computed unasked, every later one once the step before it was
// asked for through AskFlags.

import type { PassResult } from '../engine.js';
import type { PassAhead } from '../pass-ahead.js';
import type { AskFlags } from './ask-flags.js';

/** @param result null: the step failed, and has to be asked for by a pass. */
export type TellAhead = (run: number, step: number, result: PassResult | null) => void;

export class AheadRunner {
  readonly #ahead: PassAhead;
  readonly #flags: AskFlags;
  readonly #tell: TellAhead;
  #run = 0;
  /** Steps of the run that were computed. */
  #step = 0;
  /** The last step was told, and not asked for yet. */
  #isOpen = false;

  constructor(ahead: PassAhead, flags: AskFlags, tell: TellAhead) {
    this.#ahead = ahead;
    this.#flags = flags;
    this.#tell = tell;
  }

  /** A pass has been answered whose segments may continue. */
  begin(run: number): void {
    this.#run = run;
    this.#step = 0;
    this.#isOpen = false;
  }

  /** Does what was asked for before a message. Call before the message is handled. */
  honour(): void {
    for (;;) {
      if (this.#isOpen) {
        if (!this.#confirm()) return;
      } else if (!this.#isAsked(this.#step + 1) || !this.#compute()) return;
    }
  }

  /** Computes ahead as far as it may, then parks. @param hasMessage whether a message waits. */
  advance(hasMessage: () => boolean): void {
    while (!hasMessage()) {
      if (!this.#isOpen) {
        if (!this.#compute()) return;
        continue;
      }
      if (this.#confirm()) continue;
      this.#flags.park();
      if (!this.#isAsked(this.#step)) return;
      this.#flags.unpark();
    }
  }

  #isAsked(step: number): boolean {
    return this.#flags.asked(this.#run, step) !== null;
  }

  #confirm(): boolean {
    const asked = this.#isOpen ? this.#flags.asked(this.#run, this.#step) : null;
    if (asked === null) return false;
    this.#isOpen = false;
    this.#ahead.confirm(asked.continues);
    return true;
  }

  /** @returns false where nothing more is expected of the run. */
  #compute(): boolean {
    const result = this.#ahead.computeAhead();
    if (result === null) return false;
    this.#step++;
    this.#isOpen = result !== 'failed';
    this.#tell(this.#run, this.#step, result === 'failed' ? null : result);
    return this.#isOpen;
  }
}
