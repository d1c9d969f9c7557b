// Hides lengths and times of messages from observers: chooses the padding, and the regular times at
// which drafts leave. Sends nothing itself.

import { FlushTimer } from '../../protocol/flush-timer.js';
import { noShaping, strongerShaping, type TrafficShaping } from '../../protocol/frame.js';

export class TrafficShaper {
  readonly #wanted: TrafficShaping;
  #shaping = noShaping;
  #flush: FlushTimer | null = null;
  #hasDrafted = false;

  /** @param wanted here; a server may want more. */
  constructor(wanted: TrafficShaping) {
    this.#wanted = wanted;
  }

  /** Padding and aggregation of the frames that follow. */
  get shaping(): TrafficShaping {
    return this.#shaping;
  }

  /** The next time at which drafts may leave; null: any time. */
  get flushMs(): number | null {
    return this.#flush?.atMs ?? null;
  }

  /** A session begins on a link. @param asked what the server wants of it. */
  begin(asked: TrafficShaping, nowMs: number): void {
    this.#shaping = strongerShaping(this.#wanted, asked);
    const { aggregateMs } = this.#shaping;
    if (aggregateMs === 0 || this.#flush !== null) return;
    this.#flush = new FlushTimer(aggregateMs, nowMs + aggregateMs);
  }

  /** The link is down. */
  end(): void {
    this.#flush = null;
    this.#shaping = noShaping;
  }

  /** Lets a flush that is due pass: nothing leaves on it. */
  skip(nowMs: number): void {
    if (this.#flush?.isDue(nowMs)) this.#flush.pass(nowMs);
  }

  /** A draft leaves. */
  onDraft(): void {
    this.#hasDrafted = true;
  }

  /** After all that is due was sent. @returns whether a flush passes without a draft. */
  pass(nowMs: number): boolean {
    if (this.#flush === null || !this.#flush.isDue(nowMs)) return false;
    this.#flush.pass(nowMs);
    const isEmpty = !this.#hasDrafted;
    this.#hasDrafted = false;
    return isEmpty;
  }
}
