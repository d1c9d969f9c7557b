// Models one session of race as a chain of events, with passes of constant time and a loop that
// costs nothing. Source: the event model of MATH.md ("Time per token"), whose figures are the test.

import { noiseKey, uniform } from '../../src/math/noise.js';

interface RaceTimes {
  /** All in milliseconds, >= 0; passMs > 0. */
  readonly draftMs: number;
  readonly passMs: number;
  readonly roundTripMs: number;
}

/** Most drafts of a pass, and most tokens that a device drafts beyond the committed. */
const draftsMax = 16;
const aheadMax = 64;

interface Happening {
  readonly atMs: number;
  readonly run: () => void;
}

/** Milliseconds a token. @param matches [n >= 1] whether the draft is the target's own token. */
export function raceModelTokenMs(times: RaceTimes, matches: readonly boolean[]): number {
  return new RaceModel(times, matches).run() / matches.length;
}

/** [count] independent matches with one rate in [0, 1]. */
export function geometricMatches(acceptanceRate: number, count: number, seed = 1n): boolean[] {
  const key = noiseKey(seed, 'accept');
  return Array.from({ length: count }, (_, index) => uniform(key, index, 0) < acceptanceRate);
}

class RaceModel {
  readonly #times: RaceTimes;
  readonly #count: number;
  /** [n + 1] first position at or after each whose draft is wrong. */
  readonly #firstWrong: Int32Array;
  #nowMs = 0;
  readonly #queue: Happening[] = [];
  /** Tokens the server has committed, and the device knows of. */
  #committed = 0;
  #known = 0;
  /** The device's chain: beginning, length and number; the newest of it at the server. */
  #base = 0;
  #length = 0;
  #chain = 0;
  #isDrafting = false;
  #arrived = { chain: -1, base: 0, end: 0 };

  constructor(times: RaceTimes, matches: readonly boolean[]) {
    this.#times = times;
    this.#count = matches.length;
    this.#firstWrong = new Int32Array(matches.length + 1).fill(matches.length);
    for (let at = matches.length - 1; at >= 0; at--) {
      this.#firstWrong[at] = matches[at] ? this.#firstWrong[at + 1]! : at;
    }
  }

  run(): number {
    this.#draft();
    this.#pass();
    while (this.#committed < this.#count) {
      this.#queue.sort((a, b) => b.atMs - a.atMs);
      const next = this.#queue.pop()!;
      this.#nowMs = next.atMs;
      next.run();
    }
    return this.#nowMs;
  }

  #in(ms: number, run: () => void): void {
    this.#queue.push({ atMs: this.#nowMs + ms, run });
  }

  #draft(): void {
    if (this.#isDrafting || this.#base + this.#length - this.#known >= aheadMax) return;
    this.#isDrafting = true;
    const chain = this.#chain;
    this.#in(this.#times.draftMs, () => {
      this.#isDrafting = false;
      if (chain === this.#chain) this.#sendNext();
      this.#draft();
    });
  }

  #sendNext(): void {
    this.#length++;
    const sent = { chain: this.#chain, base: this.#base, end: this.#base + this.#length };
    this.#in(this.#times.roundTripMs / 2, () => {
      if (sent.chain >= this.#arrived.chain) this.#arrived = sent;
    });
  }

  #pass(): void {
    const { base, end } = this.#arrived;
    const wrongAt = this.#firstWrong[base]!;
    const isSound = base <= this.#committed && wrongAt >= this.#committed;
    const count = isSound ? Math.min(Math.max(0, end - this.#committed), draftsMax) : 0;
    const accepted = Math.min(count, wrongAt - this.#committed);
    this.#in(this.#times.passMs, () => {
      this.#committed += Math.max(0, accepted) + 1;
      const committed = this.#committed;
      this.#in(this.#times.roundTripMs / 2, () => this.#hear(committed));
      this.#pass();
    });
  }

  /** A chain that the text has left, or overtaken, begins again behind it. */
  #hear(committed: number): void {
    this.#known = Math.min(this.#count, committed);
    const isWrong = this.#firstWrong[this.#base]! < this.#known;
    if (isWrong || this.#base + this.#length < this.#known) {
      this.#chain++;
      this.#base = this.#known;
      this.#length = 0;
    }
    this.#draft();
  }
}
