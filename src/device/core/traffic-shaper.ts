// What a device does against whoever sees lengths and times: how its messages are padded, and the beat on which drafts
// leave, so that neither how long a draft took nor how many there are shows. Sends nothing itself.

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

  /** What is done for the frames that follow. */
  get shaping(): TrafficShaping {
    return this.#shaping;
  }

  /** The next moment at which drafts leave; null: whenever they like. */
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

  /** A draft leaves. */
  onDraft(): void {
    this.#hasDrafted = true;
  }

  /** Behind all that is sent at this time. @returns whether a beat goes by with no draft to send on it. */
  pass(nowMs: number): boolean {
    if (this.#flush === null || !this.#flush.isDue(nowMs)) return false;
    this.#flush.pass(nowMs);
    const isEmpty = !this.#hasDrafted;
    this.#hasDrafted = false;
    return isEmpty;
  }
}
