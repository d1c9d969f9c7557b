// Rounds to text, every piece with its fate: whole characters only, up to the first stop string. Rejected drafts are
// shown where they stood and are never part of the text.

import { StopText } from '../../base/stop-text.js';
import { Utf8Stream } from '../../base/utf8.js';
import type { Round } from '../../engine/local/speculate.js';
import type { Vocabulary } from '../../engine/vocabulary.js';
import type { Fate } from '../screen/render.js';

/** Takes pieces in order. Those not `rejected` add up to the text. */
export type Show = (fate: Fate, text: string) => void;

interface Piece {
  readonly fate: Fate;
  readonly text: string;
}

export class MarkedText {
  readonly #vocabulary: Pick<Vocabulary, 'tokenBytes'>;
  readonly #show: Show;
  readonly #stop: StopText;
  readonly #utf8 = new Utf8Stream();
  /** Pieces that wait because a stop string may begin in the first of them. */
  #waiting: Piece[] = [];
  #text = '';
  #last: Fate = 'plain';

  constructor(
    vocabulary: Pick<Vocabulary, 'tokenBytes'>,
    options: { readonly stops: readonly string[]; readonly show: Show },
  ) {
    this.#vocabulary = vocabulary;
    this.#show = options.show;
    this.#stop = new StopText(options.stops);
  }

  /** What stands so far. */
  get text(): string {
    return this.#text;
  }

  get stopped(): boolean {
    return this.#stop.stopped;
  }

  /** @returns the round's tokens up to the one that completes a stop string, which belongs to them. */
  push(round: Round): readonly number[] {
    const kept: number[] = [];
    const accepted = round.tokens.slice(0, round.acceptedCount);
    const rejected = round.drafted.slice(round.acceptedCount);
    const final = round.tokens.slice(round.acceptedCount);
    const finalFate = round.drafted.length === 0 ? 'plain' : round.final;
    for (const token of accepted) this.#pushToken('accepted', token, kept);
    this.#pushRejected(rejected);
    for (const token of final) this.#pushToken(finalFate, token, kept);
    return kept;
  }

  /** Shows what was held back. */
  end(): void {
    if (this.stopped) return;
    const rest = this.#utf8.end();
    this.#waiting.push({ fate: this.#last, text: rest });
    const safe = this.#stop.push(rest);
    this.#release(safe + this.#stop.end());
  }

  #pushToken(fate: Fate, token: number, kept: number[]): void {
    if (this.stopped) return;
    kept.push(token);
    const text = this.#utf8.push(this.#vocabulary.tokenBytes(token));
    this.#last = fate;
    this.#waiting.push({ fate, text });
    this.#release(this.#stop.push(text));
  }

  #pushRejected(tokens: readonly number[]): void {
    if (this.stopped) return;
    const decoder = new Utf8Stream();
    const texts = tokens.map((token) => decoder.push(this.#vocabulary.tokenBytes(token)));
    this.#waiting.push({ fate: 'rejected', text: texts.join('') + decoder.end() });
    this.#release('');
  }

  /** Shows waiting pieces as far as `safe`, the next stretch of the text, reaches. */
  #release(safe: string): void {
    this.#text += safe;
    let left = safe.length;
    while (this.#waiting.length > 0) {
      const { fate, text } = this.#waiting[0]!;
      const countable = fate === 'rejected' ? 0 : text.length;
      if (countable > left) break;
      left -= countable;
      this.#waiting.shift();
      this.#tell(fate, text);
    }
    const next = this.#waiting[0];
    if (next === undefined || left === 0) return;
    this.#tell(next.fate, next.text.slice(0, left));
    this.#waiting[0] = { fate: next.fate, text: next.text.slice(left) };
  }

  #tell(fate: Fate, text: string): void {
    if (text !== '') this.#show(fate, text);
  }
}
