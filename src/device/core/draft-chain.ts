// The drafted tokens behind the committed ones, which of them the server has been sent, and their epoch. The epoch goes
// up when tokens that were sent are void, but only once there is something to send again.

import { assert } from '../../base/assert.js';
import type { DraftedToken } from '../../engine/engine.js';
import type { Chain } from './reconcile.js';

interface Entry {
  readonly drafted: DraftedToken;
  /** Drafted while a verdict was outstanding. */
  readonly isAhead: boolean;
}

/** What became of tokens drafted ahead. */
export interface ChainUpdate {
  readonly usedAheadCount: number;
  readonly wastedCount: number;
}

export class DraftChain {
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

  /** Position of the first token: the committed length. */
  get base(): number {
    return this.#base;
  }

  get end(): number {
    return this.#base + this.#entries.length;
  }

  /** Tokens below this position are with the server, or on their way. */
  get sentTo(): number {
    return this.#sentTo;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Tokens that were drafted while a verdict was outstanding. */
  get aheadCount(): number {
    return this.#entries.filter(({ isAhead }) => isAhead).length;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Whether what is sent next is the first that the server keeps: it begins an epoch or a session. */
  get beginsEpoch(): boolean {
    return this.#isStale || !this.#hasSent;
  }

  /** As reconcile wants to see it. */
  get view(): Chain {
    const sentCount = this.#sentTo - this.#base;
    return { epoch: this.#epoch, tokens: this.tokens(this.#base, this.end), sentCount };
  }

  tokens(from: number, to: number): DraftedToken[] {
    return this.#entries.slice(from - this.#base, to - this.#base).map(({ drafted }) => drafted);
  }

  /** @param position in [base, end). */
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
   * @param base the new committed length. @param matchedCount first tokens of the chain that are committed now.
   * @param isKept whether the tokens behind still follow.
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

  /** What was sent is void, or ends before the committed length: a new draft needs a new epoch. */
  #unsend(): void {
    if (this.#hasSent) this.#isStale = true;
    this.#sentTo = this.#base;
  }

  /** The same tokens go out again in the same epoch: nobody answered. */
  resend(): void {
    this.#sentTo = this.#base;
  }

  /** The server's session was resumed (its newest epoch) or opened anew (null): all goes out again. */
  rejoin(serverEpoch: number | null): void {
    this.#epoch = serverEpoch === null ? 0 : Math.max(serverEpoch, this.#epoch) + 1;
    this.#sentTo = this.#base;
    this.#hasSent = false;
    this.#isStale = false;
  }

  /** Marks tokens up to `to` as sent. @returns the epoch to send them in. */
  send(to: number): number {
    if (this.#isStale) {
      this.#epoch++;
      this.#isStale = false;
    }
    this.#hasSent = true;
    this.#sentTo = Math.max(this.#sentTo, to);
    return this.#epoch;
  }
}
