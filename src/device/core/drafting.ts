// The drafter's side of one answer: which run is on, what its sequence has in common with the text, when it rests.
// A run goes on through verdicts that agree with it; only a contradiction or a lead of the server ends it.

import type { DraftEndReason } from '../../engine/engine.js';
import type { AnswerId, Effect } from './event.js';
import type { Pace } from './pace.js';

/** Why no run is started: nothing to guess until the text moves on, or until the chain is another one. */
type Rest = 'none' | 'until-commit' | 'until-restart';

const restAfter: Readonly<Record<DraftEndReason, Rest>> = {
  count: 'none',
  stopped: 'none',
  confidence: 'until-commit',
  'end-of-text': 'until-restart',
  context: 'until-restart',
};

export interface RunWish {
  readonly countMax: number;
  readonly confidenceMin: number;
  readonly wantConfidence: boolean;
}

interface Run {
  readonly id: number;
  /** Arrival of its newest token; null before the first, whose time contains the feeding of the prefix. */
  lastTokenMs: number | null;
}

export class Drafting {
  readonly #answer: AnswerId;
  readonly #out: (effect: Effect) => void;
  #run: Run | null = null;
  #runCount = 0;
  #rest: Rest = 'none';
  /** Positions below this hold the same tokens in the drafter's sequence and in text and chain. */
  #agreedLength = 0;
  #isBroken = false;
  /** How often drafts were discarded: what is drafted next must not share their numbers. */
  #attempt = 0;

  constructor(answer: AnswerId, out: (effect: Effect) => void) {
    this.#answer = answer;
    this.#out = out;
  }

  get isRunning(): boolean {
    return this.#run !== null;
  }

  /** Whether a run may be started now. */
  get isReady(): boolean {
    return this.#run === null && this.#rest === 'none' && !this.#isBroken;
  }

  /** Whether tokens are on their way or could be asked for. */
  get isAlive(): boolean {
    return this.#run !== null || this.isReady;
  }

  get startCount(): number {
    return this.#runCount;
  }

  start(
    wish: RunWish,
    scheme: Extract<Effect, { kind: 'draft-start' }>['scheme'],
    text: { readonly end: number; slice(from: number): Int32Array },
  ): void {
    this.#runCount++;
    this.#run = { id: this.#runCount, lastTokenMs: null };
    const from = Math.min(this.#agreedLength, text.end);
    this.#out({
      kind: 'draft-start',
      answer: this.#answer,
      run: this.#run.id,
      from,
      tokens: text.slice(from),
      attempt: this.#attempt,
      scheme,
      ...wish,
    });
    this.#agreedLength = text.end;
  }

  /** @returns whether the token belongs to the run that is on. */
  take(run: number, position: number, pace: Pace, nowMs: number): boolean {
    if (this.#run?.id !== run) return false;
    if (this.#run.lastTokenMs !== null) pace.draft.add(nowMs - this.#run.lastTokenMs);
    this.#run.lastTokenMs = nowMs;
    this.#agreedLength = position + 1;
    return true;
  }

  ended(run: number, reason: DraftEndReason): void {
    if (this.#run?.id !== run) return;
    this.#run = null;
    this.#rest = restAfter[reason];
  }

  /** The drafter failed: this answer goes on without drafts. */
  broke(): void {
    this.#run = null;
    this.#isBroken = true;
  }

  stop(): void {
    if (this.#run === null) return;
    this.#out({ kind: 'draft-stop', answer: this.#answer, run: this.#run.id });
    this.#run = null;
  }

  /** No further tokens until the text moves on. */
  rest(): void {
    this.stop();
    if (this.#rest === 'none') this.#rest = 'until-commit';
  }

  /** The text has moved on in agreement with the chain. */
  onCommit(): void {
    if (this.#rest === 'until-commit') this.#rest = 'none';
  }

  /** The chain from `position` on is void, or the text has got ahead of the run. */
  restart(position: number): void {
    this.stop();
    this.#rest = 'none';
    this.#attempt++;
    this.#agreedLength = Math.min(this.#agreedLength, position);
  }
}
