// Holds the newest chain of drafts of a session: which have arrived, which are judged, and so which
// the device holds. Positions are absolute. Knows no scheme; probabilities and laws ride along.
// PROTOCOL.md has the rules of overlap.

import { assert } from '../../base/assert.js';
import type { Law } from '../../math/law.js';
import type { Draft } from '../../protocol/frame.js';
import type { TokenLog } from '../../protocol/token-log.js';

/** Drafts in line for a pass. */
export interface PendingDrafts {
  /** [n >= 0] for positions from the committed length on. */
  readonly ids: Int32Array;
  /** `split` and `full` only, else null: [n]. */
  readonly probs: Float64Array | null;
  readonly laws: readonly Law[] | null;
}

/** How a draft did whose device told its chance. */
export interface TestedChance {
  /** As its device told it, in [0, 1]. */
  readonly told: number;
  readonly stood: boolean;
}

/** Drafts that stood and drafts that fell. */
export interface DraftCounts {
  readonly acceptedCount: number;
  readonly rejectedCount: number;
}

/** The drafts of a session as others see them. */
export type ReceivedChain = Readonly<
  Pick<
    DraftBuffer,
    | 'epoch'
    | 'isVoid'
    | 'frameCount'
    | 'end'
    | 'size'
    | 'pending'
    | 'pendingCount'
    | 'pendingChances'
    | 'takeTested'
    | 'countToEnd'
    | 'settledTo'
    | 'lastFrame'
    | 'decided'
  >
>;

/** Kept until they are taken: more than come between two passes. */
const testedMax = 256;

export class DraftBuffer {
  /** The newest epoch that was seen. */
  epoch = 0;
  /** The chain of this epoch has left the committed text: what still comes of it is dropped. */
  isVoid = false;
  /** The newest frame of the chain says that more follows. */
  hasMore = false;
  /** Draft frames since the last pass took from the chain. */
  frameCount = 0;
  /** The newest frame of this epoch, a dropped one too; its end is `to`. */
  lastFrame: { readonly from: number; readonly to: number; readonly more: boolean } | null = null;
  /** Drafts that stand and drafts that fell since the last `takeCounts`. */
  #acceptedCount = 0;
  #rejectedCount = 0;
  #taken: DraftCounts = { acceptedCount: 0, rejectedCount: 0 };
  /** Position of the first kept token. */
  #from = 0;
  #ids: number[] = [];
  #probs: number[] = [];
  #laws: Law[] = [];
  /** [ids] what the device tells; null: nothing. */
  #chances: (number | null)[] = [];
  #tested: TestedChance[] = [];
  /** Chain tokens below this position are compared with the log or tested. */
  #settledTo = 0;

  /** Position of the first token of the chain that is not known to stand. */
  get settledTo(): number {
    return this.#settledTo;
  }

  /** Drafts that stood and drafts that fell so far, late ones included. */
  get decided(): DraftCounts {
    return {
      acceptedCount: this.#taken.acceptedCount + this.#acceptedCount,
      rejectedCount: this.#taken.rejectedCount + this.#rejectedCount,
    };
  }

  /** First position after the chain. */
  get end(): number {
    return this.#from + this.#ids.length;
  }

  /** Tokens held, judged ones included. */
  get size(): number {
    return this.#ids.length;
  }

  /** Forgets the chain; `epoch` begins. */
  begin(epoch: number, from: number): void {
    this.epoch = epoch;
    this.isVoid = false;
    this.hasMore = false;
    this.frameCount = 0;
    this.lastFrame = null;
    this.#restart(from);
  }

  /** The device has to begin a new epoch: its chain is lost or has fallen. */
  void(): void {
    this.isVoid = true;
    this.hasMore = false;
  }

  #restart(from: number): void {
    this.#from = from;
    this.#settledTo = from;
    this.#ids.length = 0;
    this.#probs.length = 0;
    this.#laws.length = 0;
    this.#chances.length = 0;
  }

  /**
   * Adds a frame of the current epoch. Tokens at positions that the chain has must repeat it; where
   * the log is further than the chain the chain jumps to the frame's start.
   *
   * @param frame of this epoch, its start not above the larger of `end` and the log's length; with
   *   all its scheme needs.
   * @returns the first position where it says something else than before, or null.
   */
  add(frame: Draft, log: TokenLog): number | null {
    const { from, ids } = frame;
    assert(from <= Math.max(this.end, log.length), `draft at ${from} after ${this.end}`);
    const contradiction = this.#contradiction(frame);
    if (contradiction !== null) return contradiction;
    if (!this.#agreesBelow(frame, log)) {
      this.void();
      return null;
    }
    // Steps of the server have passed the chain's end: what lies between is in the log.
    if (from > this.end) this.#restart(from);
    const known = Math.max(0, this.end - from);
    for (let index = known; index < ids.length; index++) this.#push(frame, index);
    if (from + ids.length >= this.end) this.hasMore = frame.more;
    // A frame that only repeats counts for nothing: sent again, it changes nothing.
    if (known < ids.length) this.frameCount++;
    this.settle(log);
    return null;
  }

  #contradiction({ from, ids }: Draft): number | null {
    for (let position = Math.max(from, this.#from); position < this.end; position++) {
      if (position >= from + ids.length) return null;
      if (this.#ids[position - this.#from] !== ids[position - from]) return position;
    }
    return null;
  }

  /** Whether the frame's tokens below the kept chain are the committed ones. */
  #agreesBelow({ from, ids }: Draft, log: TokenLog): boolean {
    const end = Math.min(from + ids.length, this.#from, log.length);
    for (let position = from; position < end; position++) {
      if (ids[position - from] !== log.at(position)) return false;
    }
    return true;
  }

  #push({ from, ids, probs, laws, chances }: Draft, index: number): void {
    // A resent frame may begin below what is kept; those positions are settled and announced.
    if (from + index < this.#from) return;
    this.#ids.push(ids[index]!);
    if (probs) this.#probs.push(probs[index]!);
    if (laws) this.#laws.push(laws[index]!);
    this.#chances.push(chances ? chances[index]! / 255 : null);
  }

  /** Compares the chain with the log as committed since; the first difference voids it. */
  settle(log: TokenLog): void {
    while (!this.isVoid && this.#settledTo < Math.min(this.end, log.length)) {
      if (this.#ids[this.#settledTo - this.#from] !== log.at(this.#settledTo)) {
        this.#count(this.#settledTo, false);
        this.void();
        return;
      }
      this.#count(this.#settledTo, true);
      this.#settledTo++;
    }
  }

  /** A test has let the draft at `position` fall, all before it settled. */
  reject(position: number): void {
    assert(!this.isVoid && position === this.#settledTo, `rejected ${position}`);
    this.#count(position, false);
    this.void();
  }

  #count(position: number, stood: boolean): void {
    if (stood) this.#acceptedCount++;
    else this.#rejectedCount++;
    const told = this.#chances[position - this.#from] ?? null;
    if (told !== null && this.#tested.length < testedMax) this.#tested.push({ told, stood });
  }

  /** Counts tests of drafts that a newer chain has replaced meanwhile. */
  countTested(acceptedCount: number, rejectedCount: number): void {
    this.#acceptedCount += acceptedCount;
    this.#rejectedCount += rejectedCount;
  }

  /** How many drafts are in line after a committed length. */
  pendingCount(committedLength: number): number {
    return this.isVoid ? 0 : Math.max(0, this.end - committedLength);
  }

  /** The first `count` drafts in line, as copies. */
  pending(committedLength: number, count: number): PendingDrafts {
    const from = count === 0 ? 0 : committedLength - this.#from;
    assert(from >= 0 && from + count <= this.#ids.length, `${count} drafts from ${from}`);
    const ids = Int32Array.from(this.#ids.slice(from, from + count));
    const probs =
      this.#probs.length > 0 ? Float64Array.from(this.#probs.slice(from, from + count)) : null;
    const laws = this.#laws.length > 0 ? this.#laws.slice(from, from + count) : null;
    return { ids, probs, laws };
  }

  /** [count] what the device tells of the first drafts in line; null: nothing. */
  pendingChances(committedLength: number, count: number): (number | null)[] {
    const from = committedLength - this.#from;
    return count === 0 ? [] : this.#chances.slice(from, from + count);
  }

  /** Drafts with a told chance that were tested or compared since the last call. */
  takeTested(): TestedChance[] {
    return this.#tested.splice(0);
  }

  /** Counts the first `countMax` drafts in line up to the first that ends a text. */
  countToEnd(committedLength: number, countMax: number, endOfText: ReadonlySet<number>): number {
    const from = committedLength - this.#from;
    for (let index = 0; index < countMax; index++) {
      if (endOfText.has(this.#ids[from + index]!)) return index + 1;
    }
    return countMax;
  }

  /**
   * First position from `announced` on whose committed token the device does not hold as a draft of
   * `epoch`.
   *
   * @param announced length that the device knows to be committed.
   */
  heldTo(announced: number, log: TokenLog): number {
    // After a rejection the device drops the rest of its chain, even where a token is equal.
    const end = Math.min(this.isVoid ? this.#settledTo : this.end, log.length);
    let position = announced;
    if (position < this.#from) return position;
    while (position < end && this.#ids[position - this.#from] === log.at(position)) position++;
    return position;
  }

  /** Forgets tokens below a position that the device knows to be committed; all of a void chain. */
  forgetBelow(announced: number): void {
    if (this.isVoid) {
      this.#restart(announced);
      return;
    }
    const count = Math.min(Math.max(0, announced - this.#from), this.#ids.length);
    if (count === 0) return;
    this.#from += count;
    for (const values of [this.#ids, this.#probs, this.#laws, this.#chances]) {
      values.splice(0, count);
    }
    this.#settledTo = Math.max(this.#settledTo, this.#from);
  }

  /** A pass has taken from the chain. */
  passTaken(): void {
    this.frameCount = 0;
  }

  /** Forgets everything but the epoch and the counts. */
  clear(): void {
    this.void();
    this.frameCount = 0;
    this.lastFrame = null;
    this.#restart(0);
  }

  /** The counts since they were taken last. */
  takeCounts(): DraftCounts {
    const counts = { acceptedCount: this.#acceptedCount, rejectedCount: this.#rejectedCount };
    this.#taken = this.decided;
    this.#acceptedCount = 0;
    this.#rejectedCount = 0;
    return counts;
  }
}
