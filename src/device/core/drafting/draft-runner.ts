// The drafter's side of one answer: which run is on, whether its strands grow the chain or branches, what the drafter's
// trunk has in common with the chain, when it rests. A run goes on through verdicts that agree with one of its strands.

import type { DraftEndReason, DraftedToken, Scheme } from '../../../engine/engine.js';
import type { DeviceEffect, DraftSequence, SequenceToken } from '../event.js';
import type { AnswerId } from '../token.js';
import type { AheadBranch } from './ahead-cache.js';
import type { Timings } from './timings.js';

/** Why no run is started: nothing to guess until the text moves on, or until the chain is another one. */
type Rest = 'none' | 'until-commit' | 'until-restart';

const restAfter: Readonly<Record<DraftEndReason, Rest>> = {
  count: 'none',
  stopped: 'none',
  confidence: 'until-commit',
  'end-of-text': 'until-restart',
  context: 'until-restart',
};

/** What a strand's tokens are for; nothing: a verdict has made them void while their pass was on. */
export type Growth = AheadBranch | 'chain' | 'nothing';

export interface RunRequest {
  readonly countMax: number;
  /** Of the chain. */
  readonly confidenceMin: number;
  readonly wantConfidence: boolean;
  readonly alternativesMax: number;
}

/** What a strand continues: a sequence that ends at `end`, whose tokens from a position on can be had. */
export interface SequenceText {
  readonly grows: AheadBranch | 'chain';
  readonly end: number;
  /** Below this it is what is committed. */
  readonly committedLength: number;
  slice(from: number): Int32Array;
}

interface RunSequence {
  grows: Growth;
  readonly isMain: boolean;
}

interface Run {
  readonly id: number;
  /** [n >= 1] */
  readonly sequences: readonly RunSequence[];
  /** End of its newest pass, or its start; null before a first pass whose time contains a long prefix. */
  lastPassMs: number | null;
}

/** A prefix of so few tokens takes no longer to feed than a token. */
const shortPrefix = 8;

export class DraftRunner {
  readonly #answer: AnswerId;
  readonly #out: (effect: DeviceEffect) => void;
  #run: Run | null = null;
  #runCount = 0;
  #rest: Rest = 'none';
  /** Positions below this hold the same tokens in the drafter's trunk and in the chain. */
  #agreedLength = 0;
  #isBroken = false;
  /** How often drafts were discarded: what is drafted next must not share their numbers. */
  #attempt = 0;

  constructor(answer: AnswerId, out: (effect: DeviceEffect) => void) {
    this.#answer = answer;
    this.#out = out;
  }

  /** Whether tokens of the chain are on their way. */
  get isRunning(): boolean {
    return this.growths.includes('chain');
  }

  /** What the run that is on grows; empty: none is on. */
  get growths(): readonly Growth[] {
    return this.#run?.sequences.map(({ grows }) => grows) ?? [];
  }

  /** Whether a run for the chain may be started now. */
  get isReady(): boolean {
    return this.canBranch && this.#rest === 'none';
  }

  /** Whether a run for branches may be started now: the chain's rest does not matter. */
  get canBranch(): boolean {
    return this.#run === null && !this.#isBroken;
  }

  get startCount(): number {
    return this.#runCount;
  }

  /** @param texts [n >= 1] what the run continues, the chain first where it is among them. */
  start(options: RunRequest, scheme: Scheme, texts: readonly SequenceText[], nowMs: number): void {
    this.#runCount++;
    const { confidenceMin, ...rest } = options;
    const sequences = texts.map((text) => this.#sequenceOf(text, confidenceMin));
    // What is not committed was drafted here, and is in a cache.
    const fedCount = texts.map(({ committedLength }, index) => {
      return committedLength - sequences[index]!.from;
    });
    const isShort = this.#runCount > 1 && fedCount.every((count) => count <= shortPrefix);
    this.#run = {
      id: this.#runCount,
      sequences: texts.map(({ grows }) => ({ grows, isMain: grows === 'chain' })),
      lastPassMs: isShort ? nowMs : null,
    };
    this.#out({
      kind: 'draft-start',
      answer: this.#answer,
      run: this.#run.id,
      sequences,
      attempt: this.#attempt,
      scheme,
      ...rest,
    });
  }

  #sequenceOf({ grows, end, slice }: SequenceText, confidenceMin: number): DraftSequence {
    if (grows === 'chain') {
      const from = Math.min(this.#agreedLength, end);
      this.#agreedLength = end;
      return { from, tokens: slice(from), isMain: true, confidenceMin };
    }
    const from = Math.min(this.#agreedLength, grows.position);
    return { from, tokens: slice(from), isMain: false, confidenceMin: 0 };
  }

  /** A branch that is being drafted has come true: what comes of it from here on continues the chain, the rest is void. */
  promote(branch: AheadBranch): void {
    if (this.#run === null) return;
    for (const sequence of this.#run.sequences) {
      sequence.grows = sequence.grows === branch ? 'chain' : 'nothing';
    }
    this.#rest = 'none';
    this.#agreedLength = Math.min(this.#agreedLength, branch.position);
  }

  /** What these strands still bring is void; a run of which nothing else is wanted is stopped. */
  drop(isUnwanted: (growth: Growth) => boolean): void {
    if (this.#run === null) return;
    for (const sequence of this.#run.sequences) {
      if (isUnwanted(sequence.grows)) sequence.grows = 'nothing';
    }
    if (this.growths.every((growth) => growth === 'nothing')) this.stop();
  }

  /** @returns what the tokens of a pass are for; empty where they belong to a run that is over. */
  take(
    run: number,
    tokens: readonly SequenceToken[],
    timings: Timings,
    nowMs: number,
  ): { readonly grows: Growth; readonly token: DraftedToken }[] {
    if (this.#run?.id !== run) return [];
    const { sequences, lastPassMs } = this.#run;
    if (lastPassMs !== null) timings.addDraftPass(tokens.length, nowMs - lastPassMs);
    this.#run.lastPassMs = nowMs;
    return tokens.map(({ sequenceIndex: sequence, token }) => {
      const { grows, isMain: isTrunk } = sequences[sequence]!;
      if (grows === 'chain' && isTrunk) this.#agreedLength = token.position + 1;
      return { grows, token };
    });
  }

  /** @param reasons [strands]. */
  ended(run: number, reasons: readonly DraftEndReason[]): void {
    if (this.#run?.id !== run) return;
    const { sequences } = this.#run;
    this.#run = null;
    sequences.forEach(({ grows }, index) => {
      const rest = restAfter[reasons[index]!];
      if (grows === 'chain') this.#rest = rest;
      else if (grows !== 'nothing') grows.isClosed = rest !== 'none';
    });
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
