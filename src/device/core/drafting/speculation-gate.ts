// Decides whether drafting pays. A device that cannot beat the server, or that the server asks not
// to draft, saves its energy. It never gives up for long on what it measured earlier: while it
// rests it drafts a few tokens now and then, and goes on as soon as the times say so. The threshold
// is the bound of race in math/round-time.ts.

/** What a verdict tells about drafting. */
export interface DraftEvidence {
  /** Time per token with drafts over that of the server alone, in (0, 1]; null: not known. */
  readonly share: number | null;
  /** How often one of the measured times has left its usual range for good. */
  readonly shiftCount: number;
  /** Whether the server asks not to draft. */
  readonly isUnwanted: boolean;
  /** Tokens that the verdict has committed. */
  readonly tokenCount: number;
}

/** Drafting that saves less than this share of the time is not worth its energy. */
const shareMax = 0.99;
/** A device that rests drafts again below this share, so that it does not flutter. */
const resumeMax = 0.98;
/** Verdicts in a row that must agree: a few slow tokens are no trend. */
const verdictsToRest = 16;
/** Tokens of a probe: one whose time also holds the feeding of the text, and three to judge by. */
const probeLength = 4;
/** Tokens of the answer after which a probe that was overtaken is given up. */
const probeEnd = 8;
/** Tokens of the answer from the begin of a rest to its first probe, and most between two. */
const probeAfterMin = 8;
const probeAfterMax = 64;

type Rest = 'none' | 'slow' | 'unwanted';

export class SpeculationGate {
  #rest: Rest = 'none';
  #losses = 0;
  #allowance = 0;
  #probeAfter = probeAfterMin;
  /** Tokens of the answer until the next probe, and until the present one is given up. */
  #tokensLeft = 0;
  #probeLeft = 0;
  #shiftCount = 0;
  #pausedSinceMs = 0;
  #pausedMs = 0;
  #pauseCount = 0;

  /** Tokens that may be drafted now; Infinity while drafting pays. */
  get allowance(): number {
    return this.#rest === 'none' ? Infinity : this.#allowance;
  }

  /** Takes in the measurements of a verdict. @returns whether a probe begins. */
  observe({ share, shiftCount, isUnwanted, tokenCount }: DraftEvidence, nowMs: number): boolean {
    const hasShifted = shiftCount !== this.#shiftCount;
    this.#shiftCount = shiftCount;
    if (share !== null) this.#losses = share > shareMax ? this.#losses + 1 : 0;
    const rest = isUnwanted ? 'unwanted' : this.#judge(share);
    if (rest === this.#rest) return rest !== 'none' && this.#countDown(tokenCount, hasShifted);
    this.#turn(rest, nowMs);
    return false;
  }

  #judge(share: number | null): Rest {
    if (this.#rest === 'slow') return share !== null && share <= resumeMax ? 'none' : 'slow';
    return this.#losses >= verdictsToRest ? 'slow' : 'none';
  }

  #turn(rest: Rest, nowMs: number): void {
    if (this.#rest === 'slow') this.#pausedMs += nowMs - this.#pausedSinceMs;
    if (rest === 'slow') {
      this.#pauseCount++;
      this.#pausedSinceMs = nowMs;
    }
    this.#rest = rest;
    this.#losses = 0;
    this.#allowance = 0;
    this.#probeAfter = this.#tokensLeft = probeAfterMin;
  }

  /** @param hasShifted the times are others than those that led to the rest: ask at once. */
  #countDown(tokenCount: number, hasShifted: boolean): boolean {
    if (hasShifted) this.#probeAfter = probeAfterMin;
    this.#tokensLeft -= tokenCount;
    this.#probeLeft -= tokenCount;
    if (this.#probeLeft <= 0) this.#allowance = 0;
    if (this.#tokensLeft > 0 && !hasShifted) return false;
    this.#allowance = probeLength;
    this.#probeLeft = probeEnd;
    this.#probeAfter = Math.min(2 * this.#probeAfter, probeAfterMax);
    this.#tokensLeft = this.#probeAfter;
    return true;
  }

  /** @param count of tokens, >= 0. */
  drafted(count: number): void {
    this.#allowance = Math.max(0, this.#allowance - count);
  }

  get pauseCount(): number {
    return this.#pauseCount;
  }

  /** Milliseconds for which drafting has rested because it was too slow. */
  pausedMs(nowMs: number): number {
    return this.#pausedMs + (this.#rest === 'slow' ? nowMs - this.#pausedSinceMs : 0);
  }
}
