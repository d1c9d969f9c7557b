// Controls the drafter for one answer: which run is on, whether its sequences grow the chain or
// branches, how much the drafter's prefix shares with the chain, when it rests. A run continues
// through verdicts that agree with one of its sequences.

import type { DraftEndReason, DraftedToken, Scheme } from '../../../engine/engine.js';
import type { ChainView } from '../draft-chain.js';
import type { DeviceEffect, DraftSequence, SequenceToken } from '../event.js';
import { PromptImages } from '../prompt-images.js';
import type { Committed } from '../reconcile.js';
import type { AnswerId } from '../token.js';
import type { AheadBranch } from './ahead/ahead-branch.js';
import type { Timings } from './timings.js';

/** Why no run is started: nothing to draft until the text moves on, or until the chain changes. */
type Rest = 'none' | 'until-commit' | 'until-restart';

const restAfter: Readonly<Record<DraftEndReason, Rest>> = {
  count: 'none',
  stopped: 'none',
  confidence: 'until-commit',
  'end-of-text': 'until-restart',
  context: 'until-restart',
};

/** Purpose of a sequence's tokens; nothing: a verdict voided them during the pass. */
export type Growth = AheadBranch | 'chain' | 'nothing';

export interface RunRequest {
  readonly countMax: number;
  /** For the chain. */
  readonly confidenceMin: number;
  readonly wantConfidence: boolean;
  readonly alternativesMax: number;
}

/** A text to continue: it ends at `end`; `slice` gives its tokens from a position on. */
export interface SequenceText {
  readonly grows: AheadBranch | 'chain';
  readonly end: number;
  /** Tokens below this position are committed. */
  readonly committedLength: number;
  slice(from: number): Int32Array;
}

export interface GrownToken {
  readonly grows: Growth;
  readonly token: DraftedToken;
}

/** The drafter's side of an answer as planners read it. */
export interface RunView {
  /** Purposes of the sequences of the current run; empty: there is none. */
  readonly growths: readonly Growth[];
  /** Whether tokens of the chain are on their way. */
  readonly isRunning: boolean;
  /** Whether a run that begins now may grow the chain: its rest is over. */
  readonly chainMayGrow: boolean;
  /** The drafter failed: this answer goes on without drafts. */
  readonly isBroken: boolean;
  /** Tokens of the text that the drafter lacks. */
  readonly absentCount: number;
}

interface RunSequence {
  grows: Growth;
  readonly isMain: boolean;
}

interface Run {
  readonly id: number;
  /** [n >= 1] */
  readonly sequences: readonly RunSequence[];
  /** End of its newest pass, or its start; null: its first pass feeds a long prefix. */
  lastPassMs: number | null;
}

/** A prefix this short takes no longer to feed than one token. */
const shortPrefix = 8;

export class DraftRunner implements RunView {
  readonly #answer: AnswerId;
  readonly #out: (effect: DeviceEffect) => void;
  #run: Run | null = null;
  #runCount = 0;
  #rest: Rest = 'none';
  /** Positions below this hold the same tokens in the drafter's main sequence and in the chain. */
  #agreedLength = 0;
  #isBroken = false;
  /** Counts discarded drafts: the next draft must not share their random numbers. */
  #attempt = 0;
  #images = new PromptImages(new Int32Array(0));

  constructor(answer: AnswerId, out: (effect: DeviceEffect) => void) {
    this.#answer = answer;
    this.#out = out;
  }

  /** The prompt is known. @returns tokens of it that the drafter lacks. */
  begin(prompt: Int32Array): number {
    this.#images = new PromptImages(prompt);
    return this.#images.count;
  }

  get isRunning(): boolean {
    return this.growths.includes('chain');
  }

  get growths(): readonly Growth[] {
    return this.#run?.sequences.map(({ grows }) => grows) ?? [];
  }

  get chainMayGrow(): boolean {
    return !this.#isBroken && this.#rest === 'none';
  }

  get absentCount(): number {
    return this.#images.count;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** @param texts [n >= 1] to continue, the chain first where it is among them. */
  start(options: RunRequest, scheme: Scheme, texts: readonly SequenceText[], nowMs: number): void {
    this.#runCount++;
    const { confidenceMin, ...rest } = options;
    const sequences = texts.map((text) => this.#sequenceOf(text, confidenceMin));
    // Tokens that are not committed were drafted here and are in a cache.
    const fedCount = texts.map(({ committedLength }, index) => {
      return this.#images.wordsBelow(committedLength) - sequences[index]!.from;
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
      return { ...this.#words(from, slice(from)), isMain: true, confidenceMin };
    }
    const from = Math.min(this.#agreedLength, grows.position);
    return { ...this.#words(from, slice(from)), isMain: false, confidenceMin: 0 };
  }

  /** What the drafter sees of tokens from a position of the text on. */
  #words(from: number, tokens: Int32Array): Pick<DraftSequence, 'from' | 'tokens'> {
    return { from: this.#images.wordsBelow(from), tokens: this.#images.wordsOf(tokens) };
  }

  /** The branch that is being drafted has become the chain; other sequences are void. */
  promote(branch: AheadBranch): void {
    if (this.#run === null) return;
    for (const sequence of this.#run.sequences) {
      sequence.grows = sequence.grows === branch ? 'chain' : 'nothing';
    }
    this.#rest = 'none';
    this.#agreedLength = Math.min(this.#agreedLength, branch.position);
  }

  /** Voids these sequences; stops a run that has no others. */
  drop(unwanted: readonly Growth[]): void {
    if (this.#run === null) return;
    for (const sequence of this.#run.sequences) {
      if (unwanted.includes(sequence.grows)) sequence.grows = 'nothing';
    }
    if (this.growths.every((growth) => growth === 'nothing')) this.stop();
  }

  /** @returns the tokens of a pass with their purposes; empty for a run that is over. */
  take(
    run: number,
    tokens: readonly SequenceToken[],
    timings: Timings,
    nowMs: number,
  ): GrownToken[] {
    if (this.#run?.id !== run) return [];
    const { sequences, lastPassMs } = this.#run;
    if (lastPassMs !== null) timings.addDraftPass(tokens.length, nowMs - lastPassMs);
    this.#run.lastPassMs = nowMs;
    return tokens.map(({ sequenceIndex: sequence, token }) => {
      const { grows, isMain } = sequences[sequence]!;
      if (grows === 'chain' && isMain) this.#agreedLength = token.position + 1;
      return { grows, token };
    });
  }

  /** @param reasons [sequences]. */
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

  /** Nothing follows the chain until it changes. */
  exhaust(): void {
    this.stop();
    this.#rest = 'until-restart';
  }

  /** The text has moved on in agreement with the chain. */
  onCommit(): void {
    if (this.#rest === 'until-commit') this.#rest = 'none';
  }

  /** The chain from `position` on is void, or the text has overtaken the run. */
  restart(position: number): void {
    this.stop();
    this.#rest = 'none';
    this.#attempt++;
    this.#agreedLength = Math.min(this.#agreedLength, position);
  }
}

/** The committed text and its chain. */
interface DraftedText {
  readonly log: Committed;
  readonly chain: Pick<ChainView, 'base' | 'end' | 'at'>;
}

/** The text that a sequence continues: log and chain, or their part below a branch and it. */
export function sequenceText(
  { log, chain }: DraftedText,
  grows: AheadBranch | 'chain',
): SequenceText {
  const branch = grows === 'chain' ? null : grows;
  const tail = branch === null ? [] : [branch.token, ...branch.drafted.map(({ token }) => token)];
  const mainSequenceEnd = branch?.position ?? chain.end;
  const end = mainSequenceEnd + tail.length;
  const slice = (from: number): Int32Array => {
    const tokens = new Int32Array(end - from);
    for (let at = from; at < end; at++) {
      if (at >= mainSequenceEnd) tokens[at - from] = tail[at - mainSequenceEnd]!;
      else tokens[at - from] = at < chain.base ? log.at(at) : chain.at(at)!.token;
    }
    return tokens;
  };
  return { grows, end, committedLength: Math.min(log.length, mainSequenceEnd), slice };
}
