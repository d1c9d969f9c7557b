// Turns rounds into marked text: whole characters only, up to the first stop string. Rejected
// drafts are shown in their place and are never part of the text.

import { StopText } from '../../base/stop-text.js';
import { Utf8Stream } from '../../base/utf8.js';
import type { SpeculationRound } from '../../engine/local/speculate.js';
import type { Vocabulary } from '../../engine/vocabulary.js';
import type { TokenMark } from '../screen/render.js';

/** Takes pieces in order. Those not `rejected` add up to the text. */
export type Show = (mark: TokenMark, text: string) => void;

interface Piece {
  readonly mark: TokenMark;
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
  #last: TokenMark = 'plain';

  constructor(
    vocabulary: Pick<Vocabulary, 'tokenBytes'>,
    options: { readonly stops: readonly string[]; readonly show: Show },
  ) {
    this.#vocabulary = vocabulary;
    this.#show = options.show;
    this.#stop = new StopText(options.stops);
  }

  /** The text so far. */
  get text(): string {
    return this.#text;
  }

  get stopped(): boolean {
    return this.#stop.stopped;
  }

  /** @returns the round's tokens up to the one that completes a stop string, which is included. */
  push(round: SpeculationRound): readonly number[] {
    const kept: number[] = [];
    const accepted = round.tokens.slice(0, round.acceptedCount);
    const rejected = round.drafted.slice(round.acceptedCount);
    const final = round.tokens.slice(round.acceptedCount);
    const finalMark = round.drafted.length === 0 ? 'plain' : round.final;
    for (const token of accepted) this.#pushToken('accepted', token, kept);
    this.#pushRejected(rejected);
    for (const token of final) this.#pushToken(finalMark, token, kept);
    return kept;
  }

  /** Shows the pieces that were held back. */
  end(): void {
    if (this.stopped) return;
    const rest = this.#utf8.end();
    this.#waiting.push({ mark: this.#last, text: rest });
    const safe = this.#stop.push(rest);
    this.#release(safe + this.#stop.end());
  }

  #pushToken(mark: TokenMark, token: number, kept: number[]): void {
    if (this.stopped) return;
    kept.push(token);
    const text = this.#utf8.push(this.#vocabulary.tokenBytes(token));
    this.#last = mark;
    this.#waiting.push({ mark, text });
    this.#release(this.#stop.push(text));
  }

  #pushRejected(tokens: readonly number[]): void {
    if (this.stopped) return;
    const decoder = new Utf8Stream();
    const texts = tokens.map((token) => decoder.push(this.#vocabulary.tokenBytes(token)));
    this.#waiting.push({ mark: 'rejected', text: texts.join('') + decoder.end() });
    this.#release('');
  }

  /** Shows waiting pieces as far as `safe`, the next part of the text, reaches. */
  #release(safe: string): void {
    this.#text += safe;
    let left = safe.length;
    while (this.#waiting.length > 0) {
      const { mark, text } = this.#waiting[0]!;
      const countable = mark === 'rejected' ? 0 : text.length;
      if (countable > left) break;
      left -= countable;
      this.#waiting.shift();
      this.#showPiece(mark, text);
    }
    const next = this.#waiting[0];
    if (next === undefined || left === 0) return;
    this.#showPiece(next.mark, next.text.slice(0, left));
    this.#waiting[0] = { mark: next.mark, text: next.text.slice(left) };
  }

  #showPiece(mark: TokenMark, text: string): void {
    if (text !== '') this.#show(mark, text);
  }
}
