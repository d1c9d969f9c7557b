// Shows the pieces of an answer: verified tokens are final, provisional ones are pending until they
// are verified or retracted. The end of a draft-only answer is marked as unverified.

import type { AnswerResult, Piece, TokenOrigin } from '../../device/index.js';
import type { TokenMark } from '../screen/render.js';
import type { TextView } from '../screen/text-view.js';

/** The mark of each origin. */
export const tokenMarks: Readonly<Record<TokenOrigin, TokenMark>> = {
  drafted: 'accepted',
  residual: 'residual',
  bonus: 'bonus',
  target: 'target',
  provisional: 'provisional',
};

/** The marks that an answer can have, for the legend. */
export const answerMarks: readonly TokenMark[] = Object.values(tokenMarks);

interface Waiting {
  readonly position: number;
  readonly text: string;
}

export class AnswerDisplay {
  readonly #view: TextView;
  /** Provisional pieces in order of their positions. */
  #waiting: readonly Waiting[] = [];

  constructor(view: TextView) {
    this.#view = view;
  }

  /** UTF-16 units of text that are not verified yet. */
  get pendingLength(): number {
    return this.#waiting.reduce((sum, { text }) => sum + text.length, 0);
  }

  take(piece: Piece): void {
    switch (piece.kind) {
      case 'token':
        if (piece.origin === 'provisional') this.#wait([...this.#waiting, piece]);
        else this.#view.show(tokenMarks[piece.origin], piece.text);
        break;
      case 'confirmed':
        this.#confirm(piece.to);
        break;
      case 'retracted':
        this.#wait(this.#waiting.filter(({ position }) => position < piece.from));
        break;
      case 'rest':
        this.#view.show('target', piece.text);
    }
  }

  #wait(waiting: readonly Waiting[]): void {
    this.#waiting = waiting;
    this.#view.pending(waiting.map(({ text }) => text).join(''));
  }

  /** Shows the pending tokens before `to` as accepted. */
  #confirm(to: number): void {
    const rest = this.#waiting.filter(({ position }) => position >= to);
    const confirmed = this.#waiting.slice(0, this.#waiting.length - rest.length);
    this.#view.pending('');
    for (const { text } of confirmed) this.#view.show('accepted', text);
    this.#wait(rest);
  }

  /** Shows the tokens that were never verified. @returns how many there are. */
  end({ isVerified }: AnswerResult): number {
    const { length } = this.#waiting;
    if (isVerified || length === 0) return 0;
    this.#view.pending('');
    for (const { text } of this.#waiting) this.#view.show('provisional', text);
    this.#waiting = [];
    return length;
  }
}
