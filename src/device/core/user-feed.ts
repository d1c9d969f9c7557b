// Tracks what the user of one answer was told, and reports what a commit changes: new tokens,
// provisional tokens confirmed, provisional tokens retracted.

import type { DeviceEffect } from './event.js';
import type { CommittedToken } from './reconcile.js';
import type { AnswerTally } from './statistics.js';
import type { AnswerId, AnswerToken } from './token.js';

export class UserFeed {
  readonly #answer: AnswerId;
  readonly #out: (effect: DeviceEffect) => void;
  /** Tokens told and not committed, from the committed length on. */
  #provisional: number[] = [];
  readonly #tally: AnswerTally;

  constructor(answer: AnswerId, tally: AnswerTally, out: (effect: DeviceEffect) => void) {
    this.#answer = answer;
    this.#tally = tally;
    this.#out = out;
  }

  /** Positions told beyond the committed length. */
  get pendingCount(): number {
    return this.#provisional.length;
  }

  /** @param from position of tokens[0]: the committed length before them. */
  commit(from: number, tokens: readonly CommittedToken[]): void {
    const kept = this.#agreement(tokens);
    const answer = this.#answer;
    if (kept > 0) {
      const logprobs = tokens.slice(0, kept).flatMap((token) => token.logprobs ?? []);
      const reported = logprobs.length > 0 ? { logprobs } : {};
      this.#out({ kind: 'confirmed', answer, from, to: from + kept, ...reported });
    }
    const rest = tokens.slice(kept);
    if (rest.length === 0) {
      this.#provisional = this.#provisional.slice(kept);
      return;
    }
    this.retract(from + kept, kept);
    const told = rest.map((one, index) => ({ position: from + kept + index, ...one }));
    this.#out({ kind: 'tokens', answer, tokens: told });
  }

  #agreement(tokens: readonly CommittedToken[]): number {
    const shared = Math.min(tokens.length, this.#provisional.length);
    let kept = 0;
    while (kept < shared && tokens[kept]!.token === this.#provisional[kept]) kept++;
    return kept;
  }

  /** Takes back all but the first `kept` provisional tokens. @param position of the next one. */
  retract(position: number, kept = 0): void {
    const count = this.#provisional.length - kept;
    this.#provisional = [];
    if (count <= 0) return;
    this.#tally.retractedCount += count;
    this.#out({ kind: 'retracted', answer: this.#answer, from: position });
  }

  /** @param from position of tokens[0]: right after what was told. */
  provisional(from: number, tokens: readonly number[]): void {
    if (tokens.length === 0) return;
    this.#provisional.push(...tokens);
    this.#tally.provisionalCount += tokens.length;
    const reported: AnswerToken[] = tokens.map((token, index) => ({
      position: from + index,
      token,
      origin: 'provisional',
    }));
    this.#out({ kind: 'tokens', answer: this.#answer, tokens: reported });
  }
}
