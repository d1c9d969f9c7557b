// Foretells when the next drafts of a device arrive, from the times of its frames: how long after a
// correction the first draft of a new chain comes, and how far apart the next ones are. Pure.

import { assert } from '../../../../base/assert.js';
import type { DraftArrival } from './speculation.js';

/** Values of which the median counts: three new ones show that the link has changed. */
const restartSamples = 5;
const gapSamples = 7;
/** Verdicts remembered, to find the one that a new chain answers. */
const verdictsMax = 64;
/** Variation of a round trip that is no surprise, as a share of it. */
const jitterShare = 0.05;
/** Lateness, in surprises, until drafts are given up. */
const lateMax = 4;
/** Each chain that does not come halves the chance of the next. */
const missedFactor = 0.5;

/** The place at which a chain goes on, and when the draft for it is due. */
interface Anchor {
  readonly position: number;
  readonly dueMs: number;
}

interface SentVerdict {
  readonly atMs: number;
  readonly length: number;
}

export class ArrivalForecast {
  readonly #windowTokens: number;
  readonly #restarts = new MedianOfLast(restartSamples);
  readonly #gaps = new MedianOfLast(gapSamples);
  readonly #frameSizes = new MedianOfLast(gapSamples);
  readonly #verdicts: SentVerdict[] = [];
  #anchor: Anchor | null = null;
  /** Where a chain that filled its window goes on once it learns of a commit. */
  #resume: Anchor | null = null;
  /** Start of the chain that is expected in place of the one that arrived last; null: that one. */
  #restartFrom: number | null = null;
  /** End of the chain as far as it has arrived; what the server commits beyond is a guess. */
  #seenEnd = 0;
  #lastMs = 0;
  #missedCount = 0;

  /** @param windowTokens how far the device drafts ahead of the text it knows. */
  constructor(windowTokens: number) {
    this.#windowTokens = windowTokens;
  }

  /**
   * Text has been committed and sent.
   *
   * @param length committed tokens.
   * @param isBroken whether the device's chain ends with it: a draft was wrong.
   */
  committed(length: number, isBroken: boolean, nowMs: number): void {
    const anchor = this.#anchor;
    if (anchor && this.#isLate(anchor, nowMs)) this.#missedCount++;
    const limit = this.#limit;
    this.#verdicts.push({ atMs: nowMs, length });
    if (this.#verdicts.length > verdictsMax) this.#verdicts.shift();
    const restartMs = this.#restarts.median;
    if (restartMs === null || this.#gaps.median === null) return;
    // The device learns of it when what it has drafted by then is a round trip from here.
    const draftedEnd = anchor ? this.#endAt(anchor, nowMs + restartMs) : 0;
    if (isBroken || draftedEnd < length) this.#restart({ atMs: nowMs, length });
    else if (draftedEnd >= limit) this.#resume = { position: limit, dueMs: nowMs + restartMs };
  }

  /** A late draft shows that the chain left the committed text at a position. */
  contradicted(position: number): void {
    const first = this.#verdicts.find(({ length }) => length > position);
    if (first !== undefined && this.#restarts.median !== null) this.#restart(first);
  }

  /**
   * A frame of drafts has arrived, of a chain that still follows the committed text.
   *
   * @param from position of its first draft, in tokens of the text.
   * @param isNew whether it begins a chain.
   */
  arrived(from: number, count: number, isNew: boolean, nowMs: number): void {
    assert(count >= 1, `a frame of ${count} drafts`);
    const end = from + count;
    const answered = isNew ? this.#verdicts.findLast(({ length }) => length === from) : undefined;
    if (answered) {
      const rest = (count - 1) * (this.#gaps.median ?? 0);
      this.#restarts.add(Math.max(0, nowMs - answered.atMs - rest));
    } else if (!isNew && from !== this.#resume?.position) {
      this.#gaps.add((nowMs - this.#lastMs) / count);
    }
    this.#frameSizes.add(count);
    this.#lastMs = nowMs;
    this.#missedCount = 0;
    // The device has not learned yet that the server is ahead of this chain.
    if (!isNew && this.#restartFrom !== null && end <= this.#restartFrom) return;
    if (isNew || (this.#resume && end > this.#resume.position)) this.#resume = null;
    this.#restartFrom = null;
    this.#seenEnd = end;
    this.#anchor = { position: end, dueMs: nowMs + (this.#gaps.median ?? 0) };
  }

  /**
   * The drafts that are on their way; null: none is expected, or nothing is known of the device.
   *
   * @param length committed tokens.
   * @param lineEnd position behind the drafts in line, >= length.
   * @param chance of each draft to stand, given those before.
   */
  next(length: number, lineEnd: number, chance: number, nowMs: number): DraftArrival | null {
    const anchor = this.#anchor;
    const tokenMs = this.#gaps.median;
    if (anchor === null || tokenMs === null || lineEnd - length >= this.#windowTokens) return null;
    if (this.#isLate(anchor, nowMs)) return null;
    const leftMs = this.#dueMs(anchor, lineEnd) - nowMs;
    // The later a draft is, the longer it will still take, and the less likely it is to come.
    const overdueMs = Math.max(0, nowMs - this.#dueMs(anchor, anchor.position));
    const comes = missedFactor ** (this.#missedCount + overdueMs / this.#toleranceMs);
    const followChance = comes * chance ** Math.max(0, length - this.#seenEnd);
    return { firstMs: Math.max(leftMs, overdueMs), tokenMs, followChance, chance };
  }

  /** From a correction to the first draft of the new chain, in milliseconds; null: unknown. */
  get restartMs(): number | null {
    return this.#restarts.median;
  }

  /** Between two drafts, in milliseconds; null: unknown. */
  get tokenMs(): number | null {
    return this.#gaps.median;
  }

  /** When the draft of a position is due, if the chain of the anchor goes on. */
  #dueMs({ position, dueMs }: Anchor, wanted: number): number {
    const gapMs = this.#gaps.median!;
    const drafted = dueMs + (wanted - position) * gapMs;
    const resume = this.#resume;
    if (resume === null || wanted < resume.position) return drafted;
    return Math.max(drafted, resume.dueMs + (wanted - resume.position) * gapMs);
  }

  /** End of the drafts that will have come by a time if the device drafts without pause. */
  #endAt({ position, dueMs }: Anchor, atMs: number): number {
    return position + Math.floor((atMs - dueMs) / Math.max(this.#gaps.median ?? 0, 1e-3));
  }

  /** The chain that answers a verdict, or a later one where the server is ahead of it by then. */
  #restart(verdict: SentVerdict): void {
    const restartMs = this.#restarts.median!;
    const anchorOf = ({ length, atMs }: SentVerdict): Anchor => ({
      position: length,
      dueMs: atMs + restartMs,
    });
    let anchor = anchorOf(verdict);
    for (const later of this.#verdicts) {
      const isLater = later.length > anchor.position && later.atMs >= verdict.atMs;
      if (isLater && this.#endAt(anchor, later.atMs + restartMs) < later.length) {
        anchor = anchorOf(later);
      }
    }
    this.#seenEnd = anchor.position;
    this.#restartFrom = anchor.position;
    this.#resume = null;
    this.#anchor = anchor;
  }

  /** Where the device stops until it learns of more text. */
  get #limit(): number {
    return (this.#verdicts.at(-1)?.length ?? 0) + this.#windowTokens;
  }

  #isLate(anchor: Anchor, nowMs: number): boolean {
    if (anchor.position >= this.#limit) return false;
    return nowMs > this.#dueMs(anchor, anchor.position) + lateMax * this.#toleranceMs;
  }

  /** Lateness that is no surprise: a frame more, and the usual variation of round trips. */
  get #toleranceMs(): number {
    const gapMs = (this.#gaps.median ?? 0) * (this.#frameSizes.median ?? 1);
    return gapMs + jitterShare * (this.#restarts.median ?? 0) + 0.1;
  }
}

/** Median of the last values: one strange value counts for nothing. */
class MedianOfLast {
  readonly #countMax: number;
  readonly #values: number[] = [];
  #median: number | null = null;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Null before the first value. */
  get median(): number | null {
    return this.#median;
  }

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.#countMax) this.#values.shift();
    const sorted = this.#values.toSorted((a, b) => a - b);
    this.#median = sorted[sorted.length >> 1]!;
  }
}
