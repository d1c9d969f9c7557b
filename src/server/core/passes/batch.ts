// Puts a pass together: adds rounds, drafts and prompts while they fit its bounds and the shares of
// their keys. Pure.

import type { PassShape } from '../../../math/pass-time.js';
import type { Batching } from '../settings.js';
import { allowedMs, type Fairness } from '../tenants/fair-share.js';

/** Work of one session. */
export interface Candidate {
  readonly key: number;
  /** Ordinal of the tenant that its engine time is charged to. */
  readonly tenant: number;
  /** Tokens its cache holds. */
  readonly cacheLength: number;
  /** Committed tokens that the cache lacks, >= 1; the last of them opens the judged rows. */
  readonly missingCount: number;
  /** Most missing tokens that it may be fed in one pass; absent: all. */
  readonly fillMax?: number;
  /** Drafts in line, >= 0. */
  readonly draftCount: number;
  /** Whether a row is judged once nothing is missing; otherwise one token stays out. */
  readonly wantsJudging: boolean;
  /** Since when it waits, and by when its user would notice. */
  readonly waitingSinceMs: number;
  readonly deadlineMs: number;
}

export interface BatchBounds {
  readonly batching: Batching;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  /** Predicted time beyond which no further segment is added; the first always goes in. */
  readonly passMsMax: number;
  readonly prefillShare: number;
  readonly prefillMsMax: number;
  /** How several keys share a pass; null: one key at most wants the engine. */
  readonly fairness: Fairness | null;
}

/** A session's part of the pass. */
export interface PlannedSegment {
  readonly key: number;
  /** How many of the missing tokens are fed now. */
  readonly fillCount: number;
  /** Drafts tested, and drafts of padding after them. */
  readonly draftCount: number;
  readonly padCount: number;
  /** Whether draftCount + padCount + 1 rows are judged. */
  readonly isJudged: boolean;
}

export interface PlannedPass {
  readonly kind: 'pass';
  readonly segments: readonly PlannedSegment[];
  readonly predictedMs: number;
  /** Charged to each tenant for its segments, the fixed time apart; empty: nothing is shared. */
  readonly spentMs: ReadonlyMap<number, number>;
}

export type PassPlan =
  | PlannedPass
  /** Nothing to do before this time, unless something arrives. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'idle' };

/** Milliseconds of a pass, never falling as it grows. */
export type Predict = (shape: PassShape) => number;

const emptyShape: PassShape = { tokenCount: 0, rowCount: 0, tokenContext: 0 };

interface Entry {
  readonly candidate: Candidate;
  fillCount: number;
  draftCount: number;
  padCount: number;
  isJudged: boolean;
}

/** One tenant's part of a pass. */
interface Use {
  readonly addedMs: number;
  readonly tokenCount: number;
}

/** A pass while it is built. */
export class Batch {
  readonly #bounds: BatchBounds;
  readonly #predict: Predict;
  readonly #entries = new Map<number, Entry>();
  #shape: PassShape = emptyShape;
  readonly #used = new Map<number, Use>();

  constructor(bounds: BatchBounds, predict: Predict) {
    this.#bounds = bounds;
    this.#predict = predict;
  }

  get fairness(): Fairness | null {
    return this.#bounds.fairness;
  }

  /** Tokens of a pass that prompts are sure of. */
  get promptShare(): number {
    const { passTokensMax, prefillShare } = this.#bounds;
    return Math.max(1, Math.floor(passTokensMax * prefillShare));
  }

  /**
   * Adds a session with the tokens it must have and one row.
   *
   * @param isFirst of its key, which always has its turn.
   */
  addRound(candidate: Candidate, tokensMax: number, msMax: number, isFirst: boolean): boolean {
    const { missingCount, cacheLength, key, tenant } = candidate;
    const grown = this.#grown(missingCount, 1, cacheLength + missingCount);
    // The first always goes in, and may take the prompts' share: nothing starves.
    const bound = this.#entries.size === 0 ? this.#bounds.passTokensMax : tokensMax;
    if (!this.#fits(grown, bound, this.#entries.size === 0 ? Infinity : msMax)) return false;
    if (!isFirst && !this.#isPaid(tenant, grown)) return false;
    this.#grow(tenant, grown);
    this.#entries.set(key, {
      candidate,
      fillCount: missingCount,
      draftCount: 0,
      padCount: 0,
      isJudged: true,
    });
    return true;
  }

  /** One more draft for a session of the batch. */
  addDraft({ key, tenant }: Candidate, tokensMax: number, msMax: number): boolean {
    const entry = this.#entries.get(key)!;
    const grown = this.#grown(1, 1, this.#endOf(entry) + 1);
    if (!this.#fits(grown, tokensMax, msMax) || !this.#isPaid(tenant, grown)) return false;
    this.#grow(tenant, grown);
    entry.draftCount++;
    return true;
  }

  /**
   * Adds as much of a prompt as fits.
   *
   * @param isFirst of its key, which never gets nothing.
   * @returns how many tokens.
   */
  addPrompt(candidate: Candidate, guaranteed: number, isFirst: boolean): number {
    const wanted = fillOf(candidate);
    const fitting = this.#promptCount(candidate, wanted, guaranteed);
    const count = this.#paidCount(candidate, fitting, isFirst);
    if (count === 0) return 0;
    const { passRowsMax } = this.#bounds;
    const isWhole = candidate.wantsJudging && count === wanted;
    const isJudged = isWhole && this.#shape.rowCount < passRowsMax;
    // Without its row the last token stays out: it has to open the segment that is judged.
    const fillCount = isWhole && !isJudged ? count - 1 : count;
    const grown = this.#grown(fillCount, isJudged ? 1 : 0, candidate.cacheLength + fillCount);
    this.#grow(candidate.tenant, grown);
    const entry = { candidate, fillCount, draftCount: 0, padCount: 0, isJudged };
    this.#entries.set(candidate.key, entry);
    return fillCount;
  }

  #promptCount(candidate: Candidate, wanted: number, guaranteed: number): number {
    const { cacheLength, fillMax = wanted } = candidate;
    const places = this.#bounds.passTokensMax - this.#shape.tokenCount;
    const room = Math.min(wanted, fillMax, places);
    const isAffordable = (count: number): boolean =>
      this.#predict(this.#grown(count, 1, cacheLength + count)) <= this.#bounds.prefillMsMax;
    return largest(Math.min(room, Math.max(0, guaranteed)), room, isAffordable);
  }

  /** Tokens of a prompt, at most `fitting`, that its key may have now. */
  #paidCount({ cacheLength, tenant }: Candidate, fitting: number, isFirst: boolean): number {
    const least = Math.min(fitting, isFirst ? 1 : 0);
    return largest(least, fitting, (count) =>
      this.#isPaid(tenant, this.#grown(count, 1, cacheLength + count)),
    );
  }

  /** Whether a tenant may make the pass grow so far. */
  #isPaid(tenant: number, grown: PassShape): boolean {
    const { fairness } = this;
    if (fairness === null) return true;
    const use = this.#useWith(tenant, grown);
    const othersMs = this.#predict(grown) - use.addedMs;
    return this.#priceMs(use, grown) <= allowedMs(fairness, tenant, othersMs);
  }

  /** A tenant's part of the pass once it has grown. */
  #useWith(tenant: number, grown: PassShape): Use {
    const { addedMs, tokenCount } = this.#used.get(tenant) ?? { addedMs: 0, tokenCount: 0 };
    return {
      addedMs: addedMs + this.#predict(grown) - this.#predict(this.#shape),
      tokenCount: tokenCount + grown.tokenCount - this.#shape.tokenCount,
    };
  }

  /**
   * The time that a tenant's segments add, or its share of the places if that is more: a key that
   * fills every pass keeps the time model from seeing what a token costs.
   */
  #priceMs({ addedMs, tokenCount }: Use, shape: PassShape): number {
    const { passTokensMax } = this.#bounds;
    return Math.max(addedMs, (tokenCount / passTokensMax) * this.#predict(shape));
  }

  #grow(tenant: number, grown: PassShape): void {
    if (this.fairness !== null) this.#used.set(tenant, this.#useWith(tenant, grown));
    this.#shape = grown;
  }

  /** Pads every judged segment to the longest draft, as far as the bounds of a pass allow. */
  pad(): void {
    const judged = [...this.#entries.values()].filter(({ isJudged }) => isJudged);
    const longest = Math.max(0, ...judged.map(({ draftCount }) => draftCount));
    for (const entry of judged) {
      while (entry.draftCount + entry.padCount < longest) {
        const grown = this.#grown(1, 1, this.#endOf(entry) + 1);
        if (!this.#fits(grown, this.#bounds.passTokensMax, Infinity)) return;
        this.#shape = grown;
        entry.padCount++;
      }
    }
  }

  plan(): PassPlan {
    if (this.#entries.size === 0) return { kind: 'idle' };
    const shares = [...this.#entries.values()].map(({ candidate: { key }, ...share }) => ({
      key,
      ...share,
    }));
    const predictedMs = this.#predict(this.#shape);
    const spentMs = new Map<number, number>();
    for (const [tenant, use] of this.#used) spentMs.set(tenant, this.#priceMs(use, this.#shape));
    return { kind: 'pass', segments: shares, predictedMs, spentMs };
  }

  #endOf({ candidate, fillCount, draftCount, padCount }: Entry): number {
    return candidate.cacheLength + fillCount + draftCount + padCount;
  }

  #grown(tokenCount: number, rowCount: number, context: number): PassShape {
    return {
      tokenCount: this.#shape.tokenCount + tokenCount,
      rowCount: this.#shape.rowCount + rowCount,
      tokenContext: this.#shape.tokenContext + tokenCount * context,
    };
  }

  #fits(shape: PassShape, tokensMax: number, msMax: number): boolean {
    return (
      shape.tokenCount <= tokensMax &&
      shape.rowCount <= this.#bounds.passRowsMax &&
      this.#predict(shape) <= msMax
    );
  }
}

/**
 * The largest count in [low, high] that is well; `low` always is.
 *
 * @param isWell false above any count where it is false.
 */
function largest(low: number, high: number, isWell: (count: number) => boolean): number {
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (isWell(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Missing tokens worth feeding: all, or all but the last where no row is wanted yet. */
export function fillOf({ missingCount, wantsJudging }: Candidate): number {
  return wantsJudging ? missingCount : missingCount - 1;
}
