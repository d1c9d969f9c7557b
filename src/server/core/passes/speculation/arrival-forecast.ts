// Foretells when the next drafts of a device arrive, from the times of its frames: how long after a
// correction the first draft of a new chain comes, and how far apart the next ones are. Pure.

import { assert } from '../../../../base/assert.js';
import type { DraftArrival, EarlyArrival } from './speculation.js';

/** Values of which the median counts: three new ones show that the link has changed. */
const restartSamples = 5;
const gapSamples = 7;
/** Chains by which early ones are told from others, and the fewest of each kind. */
const regimeSamples = 12;
const regimeLeast = 3;
/** Early is what comes sooner than the device can draft, less a share of the time for a draft. */
const earlyShare = 0.5;
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
  /** When it is due if the device has drafted ahead for the correction; null: it has not. */
  readonly early: EarlyRestart | null;
}

interface EarlyRestart {
  readonly dueMs: number;
  readonly count: number;
  readonly share: number;
}

interface SentVerdict {
  readonly atMs: number;
  readonly length: number;
}

export class ArrivalForecast {
  readonly #windowTokens: number;
  readonly #restarts: RestartTimes;
  /** A device that drafts ahead for corrections pauses its chain: short gaps are its pace. */
  readonly #gaps: QuantileOfLast;
  readonly #frameSizes: QuantileOfLast;
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

  /**
   * @param windowTokens how far the device drafts ahead of the text it knows.
   * @param past of another text of the same device, over the same link; null: none is known.
   */
  constructor(windowTokens: number, past: ArrivalForecast | null = null) {
    this.#windowTokens = windowTokens;
    this.#restarts = past === null ? new RestartTimes() : past.#restarts.copy();
    this.#gaps = past === null ? new QuantileOfLast(gapSamples, 1 / 3) : past.#gaps.copy();
    this.#frameSizes = past === null ? new QuantileOfLast(gapSamples) : past.#frameSizes.copy();
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
    if (restartMs === null || this.#gaps.value === null) return;
    // The device learns of it when what it has drafted by then is a round trip from here.
    const draftedEnd = anchor ? this.#endAt(anchor, nowMs + restartMs) : 0;
    if (isBroken || draftedEnd < length) this.#restart({ atMs: nowMs, length });
    else if (draftedEnd >= limit) {
      this.#resume = { position: limit, dueMs: nowMs + restartMs, early: null };
    }
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
      const frameCount = this.#frameSizes.value ?? count;
      this.#restarts.add({ ms: nowMs - answered.atMs, count }, this.#gaps.value ?? 0, frameCount);
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
    this.#anchor = { position: end, dueMs: nowMs + (this.#gaps.value ?? 0), early: null };
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
    const tokenMs = this.#gaps.value;
    if (anchor === null || tokenMs === null || lineEnd - length >= this.#windowTokens) return null;
    if (this.#isLate(anchor, nowMs)) return null;
    const leftMs = this.#dueMs(anchor, lineEnd) - nowMs;
    // The later a draft is, the longer it will still take, and the less likely it is to come.
    const overdueMs = Math.max(0, nowMs - this.#dueMs(anchor, anchor.position));
    const comes = missedFactor ** (this.#missedCount + overdueMs / this.#toleranceMs);
    const followChance = comes * chance ** Math.max(0, length - this.#seenEnd);
    const late = { firstMs: Math.max(leftMs, overdueMs), tokenMs, followChance, chance };
    const early = this.#earlyOf(anchor, lineEnd, nowMs);
    return early === null ? late : { ...late, early };
  }

  /** The chance that the chain of an anchor comes early, while it may. */
  #earlyOf({ position, early }: Anchor, lineEnd: number, nowMs: number): EarlyArrival | null {
    if (early === null || nowMs > early.dueMs + this.#earlyToleranceMs) return null;
    const passed = Math.max(0, lineEnd - position);
    const behindMs = Math.max(0, passed - early.count + 1) * (this.#gaps.value ?? 0);
    const firstMs = Math.max(0, early.dueMs + behindMs - nowMs);
    return { share: early.share, firstMs, firstCount: Math.max(1, early.count - passed) };
  }

  /** From a correction to the first draft of the new chain, in milliseconds; null: unknown. */
  get restartMs(): number | null {
    return this.#restarts.median;
  }

  /** Between two drafts, in milliseconds; null: unknown. */
  get tokenMs(): number | null {
    return this.#gaps.value;
  }

  /** When the draft of a position is due, if the chain of the anchor goes on. */
  #dueMs({ position, dueMs }: Anchor, wanted: number): number {
    const gapMs = this.#gaps.value!;
    const drafted = dueMs + (wanted - position) * gapMs;
    const resume = this.#resume;
    if (resume === null || wanted < resume.position) return drafted;
    return Math.max(drafted, resume.dueMs + (wanted - resume.position) * gapMs);
  }

  /** End of the drafts that will have come by a time if the device drafts without pause. */
  #endAt({ position, dueMs }: Anchor, atMs: number): number {
    return position + Math.floor((atMs - dueMs) / Math.max(this.#gaps.value ?? 0, 1e-3));
  }

  /** The chain that answers a verdict, or a later one where the server is ahead of it by then. */
  #restart(verdict: SentVerdict): void {
    const restartMs = this.#restarts.median!;
    const { early } = this.#restarts;
    const anchorOf = ({ length, atMs }: SentVerdict): Anchor => ({
      position: length,
      dueMs: atMs + restartMs,
      early: early && { ...early, dueMs: atMs + early.ms },
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

  get #earlyToleranceMs(): number {
    return earlyShare * (this.#gaps.value ?? 0) + jitterShare * (this.#restarts.median ?? 0) + 0.1;
  }

  /** Lateness that is no surprise: a frame more, and the usual variation of round trips. */
  get #toleranceMs(): number {
    const gapMs = (this.#gaps.value ?? 0) * (this.#frameSizes.value ?? 1);
    return gapMs + jitterShare * (this.#restarts.median ?? 0) + 0.1;
  }
}

/** A chain that answered a verdict: its first frame's time after it, and its tokens. */
interface Restart {
  readonly ms: number;
  readonly count: number;
}

/**
 * How long after a correction the first draft comes. A device that has drafted ahead for it answers
 * at once, with several drafts; else it has to draft first.
 */
class RestartTimes {
  readonly #recent: Restart[] = [];
  /** Of a chain that is drafted after the correction has come; null: unknown. */
  median: number | null = null;
  /** Of chains that were drafted ahead; null: there are hardly any. */
  early: (Restart & { readonly share: number }) | null = null;

  copy(): RestartTimes {
    const copy = new RestartTimes();
    copy.#recent.push(...this.#recent);
    copy.median = this.median;
    copy.early = this.early;
    return copy;
  }

  /** @param gapMs between two drafts. @param frameCount tokens of a usual frame. */
  add(restart: Restart, gapMs: number, frameCount: number): void {
    this.#recent.push(restart);
    if (this.#recent.length > regimeSamples) this.#recent.shift();
    const lowMs = Math.min(...this.#recent.map(({ ms }) => ms));
    const isEarly = ({ ms }: Restart): boolean => ms <= lowMs + earlyShare * gapMs;
    const early = this.#recent.filter(isEarly);
    const late = this.#recent.filter((one) => !isEarly(one));
    const bursts = early.filter(({ count }) => count > frameCount + 1);
    const isSplit = early.length >= regimeLeast && late.length >= regimeLeast;
    const isAhead = isSplit || bursts.length >= regimeLeast;
    const earlyMs = medianOf(early.map(({ ms }) => ms));
    const count = medianOf(early.map((one) => one.count));
    this.early = isAhead ? { ms: earlyMs, count, share: early.length / this.#recent.length } : null;
    if (isAhead && !isSplit) this.median = earlyMs + gapMs;
    else this.median = firstDraftMs((isSplit ? late : this.#recent).slice(-restartSamples), gapMs);
  }
}

/** When the first draft of a frame would have come alone. */
const firstDraftMs = (restarts: readonly Restart[], gapMs: number): number =>
  medianOf(restarts.map(({ ms, count }) => Math.max(0, ms - (count - 1) * gapMs)));

/** A quantile of the last values: one strange value counts for nothing. */
class QuantileOfLast {
  readonly #countMax: number;
  readonly #part: number;
  readonly #values: number[] = [];
  /** Null before the first value. */
  value: number | null = null;

  /** @param part of the values that are smaller; default: the median. */
  constructor(countMax: number, part = 1 / 2) {
    this.#countMax = countMax;
    this.#part = part;
  }

  copy(): QuantileOfLast {
    const copy = new QuantileOfLast(this.#countMax, this.#part);
    copy.#values.push(...this.#values);
    copy.value = this.value;
    return copy;
  }

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.#countMax) this.#values.shift();
    this.value = quantileOf(this.#values, this.#part);
  }
}

const medianOf = (values: readonly number[]): number => quantileOf(values, 1 / 2);

/** @param values [n >= 1] @param part of them that are smaller, in [0, 1). */
function quantileOf(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)]!;
}
