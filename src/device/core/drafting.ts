// The drafter's side of one answer: which run is on, whether it drafts the chain or a branch, what its sequence has in
// common with the chain, when it rests. A run goes on through verdicts that agree with it.

import type { DraftEndReason } from '../../engine/engine.js';
import type { Branch } from './ahead.js';
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
  readonly alternativesMax: number;
}

/** What a run continues: a text that ends at `end`, whose tokens from a position on can be had. */
export interface RunText {
  readonly end: number;
  slice(from: number): Int32Array;
}

interface Run {
  readonly id: number;
  /** Null: the chain. */
  branch: Branch | null;
  /** Arrival of its newest token, or its start; null before a first token whose time contains a long prefix. */
  lastTokenMs: number | null;
}

/** A prefix of so few tokens takes no longer to feed than a token. */
const shortPrefix = 8;

export class Drafting {
  readonly #answer: AnswerId;
  readonly #out: (effect: Effect) => void;
  #run: Run | null = null;
  #runCount = 0;
  #rest: Rest = 'none';
  /** Positions below this hold the same tokens in the drafter's sequence and in the chain. */
  #agreedLength = 0;
  #isBroken = false;
  /** How often drafts were discarded: what is drafted next must not share their numbers. */
  #attempt = 0;

  constructor(answer: AnswerId, out: (effect: Effect) => void) {
    this.#answer = answer;
    this.#out = out;
  }

  /** Whether tokens of the chain are on their way. */
  get isRunning(): boolean {
    return this.#run !== null && this.#run.branch === null;
  }

  /** The branch that is being drafted. */
  get branch(): Branch | null {
    return this.#run?.branch ?? null;
  }

  /** Whether a run may be started now. */
  get isReady(): boolean {
    return this.#run === null && this.canBranch && this.#rest === 'none';
  }

  /** Whether a run for a branch may be started now: the chain's rest does not matter. */
  get canBranch(): boolean {
    return this.#run === null && !this.#isBroken;
  }

  get startCount(): number {
    return this.#runCount;
  }

  /** @param branch null: the chain. @param text what the run continues. */
  start(
    wish: RunWish,
    scheme: Extract<Effect, { kind: 'draft-start' }>['scheme'],
    text: RunText,
    branch: Branch | null,
    nowMs: number,
  ): void {
    this.#runCount++;
    const from = Math.min(this.#agreedLength, branch?.position ?? text.end, text.end);
    const tokens = text.slice(from);
    const isShort = this.#runCount > 1 && tokens.length <= shortPrefix;
    this.#run = { id: this.#runCount, branch, lastTokenMs: isShort ? nowMs : null };
    this.#out({
      kind: 'draft-start',
      answer: this.#answer,
      run: this.#run.id,
      from,
      tokens,
      attempt: this.#attempt,
      scheme,
      ...wish,
    });
    this.#agreedLength = branch === null ? text.end : branch.position;
  }

  /** The branch has come true: what is drafted of it from here on continues the chain. @param end of what was told. */
  promote(end: number): void {
    if (this.#run === null) return;
    this.#run.branch = null;
    this.#rest = 'none';
    this.#agreedLength = end;
  }

  /** @returns whether the token belongs to the run that is on. */
  take(run: number, position: number, pace: Pace, nowMs: number): boolean {
    if (this.#run?.id !== run) return false;
    if (this.#run.lastTokenMs !== null) pace.draft.add(nowMs - this.#run.lastTokenMs);
    this.#run.lastTokenMs = nowMs;
    if (this.#run.branch === null) this.#agreedLength = position + 1;
    return true;
  }

  ended(run: number, reason: DraftEndReason): void {
    if (this.#run?.id !== run) return;
    const { branch } = this.#run;
    this.#run = null;
    if (branch === null) this.#rest = restAfter[reason];
    else branch.isClosed = restAfter[reason] !== 'none';
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

  /** Nothing follows the chain until it is another one. */
  exhaust(): void {
    this.stop();
    this.#rest = 'until-restart';
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
