// Drafts of one session without a model: finds where its text, or a recent text of its key, last
// ended like this, and guesses what followed there, as far as such guesses have proved right. Knows
// token ids only; reads no clock. Sources: Saxena 2023, "Prompt lookup decoding"; SuffixDecoding,
// Oliaro et al. 2024, arXiv 2411.04975 (own and shared texts, frequencies, longer guesses after
// longer matches).

import { assert } from '../../base/assert.js';
import { type SuffixCell, SuffixChances, suffixCell } from './suffix-chances.js';
import type { SuffixPool } from './suffix-pool.js';
import { type SuffixMatch, SuffixText } from './suffix-text.js';

/** A continuation of a text. */
export interface SuffixGuess {
  /** [n >= 0] */
  readonly tokens: readonly number[];
  /** [tokens] the chance of each to be written if all before it are, in (0, 1). */
  readonly chances: readonly number[];
  /** Tokens of the match behind it; 0: there was none. */
  readonly matchLength: number;
}

/** How much a guess may hold. */
export interface SuffixGuessLimits {
  /** Most tokens. */
  readonly countMax: number;
  /** The guess ends before the token with which the product of chances falls below this. */
  readonly chanceMin: number;
}

/**
 * On source files and their next versions these give 14 tokens a pass, and 0.08 tokens are tested
 * in vain for each written one; on stories 0.03 (temperature 0.8) and 0.1 (greedy).
 */
export const suffixDefaults: SuffixGuessLimits = { countMax: 32, chanceMin: 0.35 };

/** The text that a guess continues. */
export interface SuffixEnding {
  /** Tokens of the session's text that it keeps, in [0, length]. */
  readonly from: number;
  /** [n] tokens after them. */
  readonly tokens: ArrayLike<number>;
}

/** Observations of one kind that a session remembers, and for which its prior counts. */
const sessionMemory = 64;
const sessionPriorWeight = 8;

/**
 * The look-up of one session. Its text is what it has read (the prompt) and written; guesses that
 * are not yet decided are no part of it.
 *
 * @example
 * const pool = new SuffixPool(); // one for each key
 * const lookUp = new SuffixLookUp({ promptLength: prompt.length, pool });
 * lookUp.append(prompt);
 * const { tokens } = lookUp.guess({ countMax: 8, chanceMin: 0.5 });
 * // A verification accepts some of them and adds a token:
 * lookUp.append(written);
 */
export class SuffixLookUp {
  readonly #text = new SuffixText();
  readonly #promptLength: number;
  readonly #pool: SuffixPool | null;
  readonly #chances: SuffixChances;
  /** The match behind the last guess, and how long the text was: its next token tells how good. */
  #found: { readonly length: number; readonly match: SuffixMatch | null } | null = null;

  /**
   * @param promptLength positions below this teach nothing: the target did not write them.
   * @param pool of the session's key; null: the session's own text only. Null under `split` and
   *   `full`: see SuffixPool.
   */
  constructor({ promptLength, pool = null }: { promptLength: number; pool?: SuffixPool | null }) {
    this.#promptLength = promptLength;
    this.#pool = pool;
    const prior = pool?.chances ?? null;
    this.#chances = new SuffixChances(prior, sessionPriorWeight, sessionMemory);
  }

  get length(): number {
    return this.#text.length;
  }

  /** Memory of its text, in bytes. */
  get bytes(): number {
    return this.#text.bytes;
  }

  /**
   * Adds committed tokens. Each one after the prompt shows whether the look-up would have told it,
   * guessed or not: no draft need be tested to learn.
   */
  append(tokens: ArrayLike<number>): void {
    for (let index = 0; index < tokens.length; index++) {
      const token = tokens[index]!;
      if (this.#text.length >= this.#promptLength) this.#learn(token);
      this.#text.append(token);
    }
    if (tokens.length > 0) this.#pool?.touch(this.#text);
  }

  /** Takes tokens back. What they taught stays. @param length in [0, length]. */
  truncate(length: number): void {
    assert(length <= this.#text.length, `length ${length} of ${this.#text.length}`);
    this.#text.truncate(length);
    this.#found = null;
  }

  /**
   * Guesses how the text goes on.
   *
   * @param ending another ending than the text's own, such as drafts that are not decided yet.
   */
  guess(limits: SuffixGuessLimits, ending?: SuffixEnding): SuffixGuess {
    if (ending === undefined) {
      this.#found = { length: this.length, match: this.#find() };
      return this.#guess(limits, this.#found.match);
    }
    const { length, bytes } = this.#text;
    assert(ending.from <= length, `from ${ending.from} of ${length}`);
    const cut = this.#text.slice(ending.from, length);
    this.#text.truncate(ending.from);
    for (let index = 0; index < ending.tokens.length; index++) {
      this.#text.append(ending.tokens[index]!);
    }
    const guess = this.#guess(limits, this.#find());
    this.#text.truncate(ending.from);
    for (const token of cut) this.#text.append(token);
    if (this.#text.bytes > bytes) this.#pool?.touch(this.#text);
    return guess;
  }

  /** The session is over: forgets its text, or leaves it to the pool. */
  close(isKept: boolean): void {
    if (!isKept) this.#pool?.remove(this.#text);
  }

  #find(): SuffixMatch | null {
    const own = this.#text.find(this.#text);
    return this.#pool?.find(this.#text, own?.length ?? 0) ?? own;
  }

  #guess({ countMax, chanceMin }: SuffixGuessLimits, match: SuffixMatch | null): SuffixGuess {
    if (match === null || countMax === 0) return { tokens: [], chances: [], matchLength: 0 };
    const tokens: number[] = [];
    const chances: number[] = [];
    let product = 1;
    const continuation = new Continuation(match, match.text === this.#text);
    while (tokens.length < countMax) {
      const next = continuation.next();
      if (next === null) break;
      const chance = this.#chances.of(next.cell);
      product *= chance;
      if (product < chanceMin) break;
      tokens.push(next.token);
      chances.push(chance);
    }
    if (match.text !== this.#text && tokens.length > 0) this.#pool?.touch(match.text);
    return { tokens, chances, matchLength: match.length };
  }

  #learn(written: number): void {
    const match = this.#found?.length === this.length ? this.#found.match : this.#find();
    const next = match && new Continuation(match, match.text === this.#text).next();
    if (next) this.#chances.learn(next.cell, next.token === written);
  }
}

interface NextToken {
  readonly token: number;
  readonly cell: SuffixCell;
}

/** Follows the places of a match, leaving those behind that tell another token. */
class Continuation {
  readonly #match: SuffixMatch;
  readonly #isOwn: boolean;
  #places: readonly number[];
  /** Tokens told so far. */
  readonly #told: number[] = [];

  /** @param isOwn the match is in the text that the guess continues. */
  constructor(match: SuffixMatch, isOwn: boolean) {
    this.#match = match;
    this.#isOwn = isOwn;
    this.#places = match.places;
  }

  /** The token that most places tell; of equal votes the first place's. Null: no place is left. */
  next(): NextToken | null {
    const { length } = this.#match;
    const depth = this.#told.length;
    const told = this.#places.map((place) => this.#tokenAt(place + depth));
    const isAgreed = told.every((one) => one === told[0]);
    const token = isAgreed ? told[0]! : mostFrequent(told);
    if (token === null) return null;
    let placeCount = told.length;
    if (!isAgreed) {
      this.#places = this.#places.filter((_, index) => told[index] === token);
      placeCount = told.filter((one) => one !== null).length;
    }
    this.#told.push(token);
    return { token, cell: suffixCell(length + depth, this.#places.length, placeCount) };
  }

  /** The text that the guess continues goes on with what was told so far. Null: none follows. */
  #tokenAt(position: number): number | null {
    const { text } = this.#match;
    if (position < text.length) return text.tokenAt(position);
    return this.#isOwn ? (this.#told[position - text.length] ?? null) : null;
  }
}

/** Of equally frequent tokens the first one. */
function mostFrequent(tokens: readonly (number | null)[]): number | null {
  const votes = new Map<number, number>();
  for (const token of tokens) if (token !== null) votes.set(token, (votes.get(token) ?? 0) + 1);
  let best: number | null = null;
  let most = 0;
  for (const [token, count] of votes) {
    if (count <= most) continue;
    best = token;
    most = count;
  }
  return best;
}
