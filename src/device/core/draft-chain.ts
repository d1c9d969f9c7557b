// Holds the drafted tokens that follow the committed ones: which of them were sent, and in which
// epoch. The epoch rises when sent tokens become void, but only once there is something to send
// again.

import { assert } from '../../base/assert.js';
import type { DraftedToken } from '../../engine/engine.js';

interface Entry {
  readonly drafted: DraftedToken;
  /** Drafted while a verdict was outstanding. */
  readonly isAhead: boolean;
}

/** The chain as planners read it. */
export interface ChainView {
  /** Position of the first token: the committed length. */
  readonly base: number;
  readonly end: number;
  readonly length: number;
  /** Tokens below this position are with the server, or on their way. */
  readonly sentTo: number;
  /** Tokens that were drafted while a verdict was outstanding. */
  readonly aheadCount: number;
  readonly epoch: number;
  /** The epoch of the next frame. */
  readonly nextEpoch: number;
  /** Whether the server keeps nothing that was sent before: an epoch or a session begins. */
  readonly beginsEpoch: boolean;
  tokens(from: number, to: number): DraftedToken[];
  /** @param position in [base, end); null elsewhere. */
  at(position: number): DraftedToken | null;
}

/** Counts of a chain's tokens when the committed length has moved. */
export interface ChainUpdate {
  readonly usedAheadCount: number;
  readonly wastedCount: number;
}

export class DraftChain implements ChainView {
  #entries: Entry[] = [];
  #base: number;
  #sentTo: number;
  #epoch = 0;
  #hasSent = false;
  #isStale = false;

  /** @param base the committed length. */
  constructor(base: number) {
    this.#base = base;
    this.#sentTo = base;
  }

  get base(): number {
    return this.#base;
  }

  get end(): number {
    return this.#base + this.#entries.length;
  }

  get sentTo(): number {
    return this.#sentTo;
  }

  get length(): number {
    return this.#entries.length;
  }

  get aheadCount(): number {
    return this.#entries.filter(({ isAhead }) => isAhead).length;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get nextEpoch(): number {
    return this.#isStale ? this.#epoch + 1 : this.#epoch;
  }

  get beginsEpoch(): boolean {
    return this.#isStale || !this.#hasSent;
  }

  tokens(from: number, to: number): DraftedToken[] {
    return this.#entries.slice(from - this.#base, to - this.#base).map(({ drafted }) => drafted);
  }

  at(position: number): DraftedToken | null {
    return this.#entries[position - this.#base]?.drafted ?? null;
  }

  push(drafted: DraftedToken, isAhead: boolean): void {
    assert(
      drafted.position === this.end,
      `token at ${drafted.position}, chain ends at ${this.end}`,
    );
    this.#entries.push({ drafted, isAhead });
  }

  /**
   * Follows the committed length.
   *
   * @param matchedCount first tokens of the chain that are committed now.
   * @param isKept whether the tokens after them still follow.
   */
  advance(base: number, matchedCount: number, isKept: boolean): ChainUpdate {
    const used = this.#entries.slice(0, matchedCount);
    const rest = this.#entries.slice(matchedCount);
    const wastedCount = isKept ? 0 : rest.length;
    this.#entries = isKept ? rest : [];
    this.#base = base;
    if (!isKept || base > this.#sentTo) this.#unsend();
    return { usedAheadCount: used.filter(({ isAhead }) => isAhead).length, wastedCount };
  }

  /** Sent tokens are void, or end before the committed length: the next draft needs a new epoch. */
  #unsend(): void {
    if (this.#hasSent) this.#isStale = true;
    this.#sentTo = this.#base;
  }

  /** Sends the same tokens again in the same epoch, after a time-out. */
  resend(): void {
    this.#sentTo = this.#base;
  }

  /** Sends everything again. @param serverEpoch of a resumed session; null: a new one. */
  rejoin(serverEpoch: number | null): void {
    this.#epoch = serverEpoch === null ? 0 : Math.max(serverEpoch, this.#epoch) + 1;
    this.#sentTo = this.#base;
    this.#hasSent = false;
    this.#isStale = false;
  }

  /** Tokens up to `to` are sent in the next epoch. */
  send(to: number): void {
    this.#epoch = this.nextEpoch;
    this.#isStale = false;
    this.#hasSent = true;
    this.#sentTo = Math.max(this.#sentTo, to);
  }
}
