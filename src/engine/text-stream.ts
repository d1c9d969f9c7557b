// Tokens to text while they arrive: whole characters only, never half of one.

import { Utf8Stream } from '../base/utf8.js';
import type { Vocabulary } from './vocabulary.js';

export class TextStream {
  readonly #vocabulary: Vocabulary;
  readonly #utf8 = new Utf8Stream();

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** @throws PilotfishError `token-out-of-range`. */
  push(token: number): string {
    return this.#utf8.push(this.#vocabulary.tokenBytes(token));
  }

  /** Flushes bytes of a character that never became whole, as U+FFFD. */
  end(): string {
    return this.#utf8.end();
  }
}

/** The text that `tokenize` made these tokens of; control tokens give none. A continuation wants TextStream instead. */
export function detokenize(vocabulary: Vocabulary, tokens: Iterable<number>): string {
  const stream = new TextStream(vocabulary);
  let text = '';
  for (const token of tokens) text += stream.push(token);
  text += stream.end();
  return vocabulary.addsSpacePrefix && text.startsWith(' ') ? text.slice(1) : text;
}
